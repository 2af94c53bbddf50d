"""A node of the reverse direction has the gradient of a complex step."""

import numpy as np
from interop.onnx.equations import LENGTHS, every_kind, made

from npseq.interop.onnx import load


@every_kind
def test_reverse_has_the_right_gradient(kind):
    op_type, inputs, attributes = made(kind, "reverse", lengths=LENGTHS)
    layer, arguments = load(op_type, inputs, attributes)
    x, lengths = arguments["x"], arguments["lengths"]
    y, last, tape = layer.forward(**arguments)
    rng = np.random.default_rng(1)
    dy = rng.normal(size=y.shape)
    dlast = tuple(rng.normal(size=s.shape) for s in last) if op_type == "LSTM" else rng.normal(size=last.shape)
    dx, dfirst, grads = layer.backward(dy, tape, dlast)

    def loss(flat, x, state):
        y, last, _ = layer.bind(flat).forward(x, state, lengths)
        last, weights = (last, dlast) if op_type == "LSTM" else ((last,), (dlast,))
        return (y * dy).sum() + sum((s * w).sum() for s, w in zip(last, weights, strict=True))

    step, at = 1e-200j, layer.params.flat
    for k in range(at.size):
        moved = at.astype(complex)
        moved[k] += step
        assert abs(loss(moved, x, arguments["state"]).imag / 1e-200 - grads.flat[k]) < 1e-12
    direction = rng.normal(size=x.shape)
    slope = loss(at.astype(complex), x + step * direction, arguments["state"]).imag / 1e-200
    assert abs(slope - (dx * direction).sum()) < 1e-12
    parts = dfirst if op_type == "LSTM" else (dfirst,)
    initial = arguments["state"] if op_type == "LSTM" else (arguments["state"],)
    for k, part in enumerate(parts):
        direction = rng.normal(size=part.shape)
        moved = tuple(s + step * direction * (j == k) for j, s in enumerate(initial))
        slope = loss(at.astype(complex), x, moved if op_type == "LSTM" else moved[0]).imag / 1e-200
        assert abs(slope - (part * direction).sum()) < 1e-12
