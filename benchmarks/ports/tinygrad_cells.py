"""tinygrad's nn.LSTMCell; the environment DEV=PYTHON needs no compiler."""

from answering import one_plain_strand, serve, skip_unless
from tinygrad import Tensor, dtypes, nn


def answer(case):
    one_plain_strand(case)
    skip_unless((case.cell == "lstm", "no RNN, no GRU"), (case.bias, "biases here"))
    cell = nn.LSTMCell(case.input_size, case.hidden_size)
    names = [name.removesuffix("_l0") for name in case.w]
    weights = [Tensor(case.w[f"{name}_l0"], dtype=dtypes.float64) for name in names]
    for name, value in zip(names, weights, strict=True):
        setattr(cell, name, value)
    x, h0, c0 = at = [Tensor(getattr(case, n), dtype=dtypes.float64) for n in ("x", "h0", "c0")]
    h, c, rows = h0[0], c0[0], []
    for t in range(case.T):
        h, c = cell(x[t], (h, c))
        rows.append(h)
    outputs = {"y": Tensor.stack(*rows), "h": h.unsqueeze(0), "c": c.unsqueeze(0)}
    loss = sum((one * Tensor(getattr(case, f"d{name}"), dtype=dtypes.float64)).sum() for name, one in outputs.items())
    grads = loss.gradient(*at, *weights)
    found = {name: one.numpy() for name, one in outputs.items()}
    return found | {f"d{name}": g.numpy() for name, g in zip(("x", "h0", "c0", *case.w), grads, strict=True)}


serve(answer)
