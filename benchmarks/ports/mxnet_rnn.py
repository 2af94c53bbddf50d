"""MXNet's RNN operator on the CPU, whose one vector of parameters is laid out as cuDNN's."""

import mxnet as mx
from answering import serve, skip_truncated, skip_unless


def answer(case):
    skip_truncated(case)
    ragged = not (case.lengths == case.T).all()
    skip_unless((not ragged, "lengths on a GPU only"), (case.bias, "always biases"))
    mode = {"rnn": "rnn_relu" if case.relu else "rnn_tanh", "gru": "gru", "lstm": "lstm"}[case.cell]
    names = ("x", "w", "h0", "c0")[: 3 + (case.cell == "lstm")]
    at = [mx.nd.array(case.w["w"] if name == "w" else getattr(case, name), dtype="float64") for name in names]
    for one in at:
        one.attach_grad()
    options = {"state_size": case.hidden_size, "num_layers": case.layers, "bidirectional": case.directions == 2}
    with mx.autograd.record():
        outputs = mx.nd.RNN(*at, mode=mode, state_outputs=True, p=0.0, **options)
    upstream = [mx.nd.array(getattr(case, name), dtype="float64") for name in ("dy", "dh", "dc")[: len(outputs)]]
    mx.autograd.backward(outputs, upstream)
    found = dict(zip(("y", "h", "c"), (one.asnumpy() for one in outputs), strict=False))
    return found | {f"d{name}": one.grad.asnumpy() for name, one in zip(names, at, strict=True)}


serve(answer)
