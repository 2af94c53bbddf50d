"""PaddlePaddle's SimpleRNN, GRU and LSTM, with sequence_length."""

import numpy as np
import paddle
from answering import serve, skip_truncated, skip_unless

paddle.set_default_dtype("float64")


def answer(case):
    skip_truncated(case)
    skip_unless((case.hidden_size == case.state_size, "no projection"), (case.bias, "biases by another option"))
    kind = {"rnn": paddle.nn.SimpleRNN, "gru": paddle.nn.GRU, "lstm": paddle.nn.LSTM}[case.cell]
    options = {"activation": "relu" if case.relu else "tanh"} if case.cell == "rnn" else {}
    direction = "bidirect" if case.directions == 2 else "forward"
    layer = kind(case.input_size, case.hidden_size, case.layers, direction, time_major=True, **options)
    params = dict(layer.named_parameters())
    for name, value in case.w.items():
        params[name].set_value(value)
    lstm = case.cell == "lstm"
    at = [paddle.to_tensor(getattr(case, name), stop_gradient=False) for name in ("x", "h0", "c0")[: 2 + lstm]]
    y, last = layer(at[0], tuple(at[1:]) if lstm else at[1], sequence_length=paddle.to_tensor(case.lengths))
    outputs = [y, *(last if lstm else [last])]
    upstream = [paddle.to_tensor(getattr(case, name)) for name in ("dy", "dh", "dc")[: len(outputs)]]
    grads = paddle.grad(outputs, [*at, *(params[name] for name in case.w)], upstream)
    found = dict(zip(("y", "h", "c"), outputs, strict=False))
    names = [*("x", "h0", "c0")[: len(at)], *case.w]
    found |= {f"d{name}": grad for name, grad in zip(names, grads, strict=True)}
    return {name: np.asarray(value.numpy()) for name, value in found.items()}


serve(answer)
