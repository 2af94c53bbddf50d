"""The reverse direction: its gradient by a complex step, and what a layer must do."""

import numpy as np
import pytest
from interop.onnx.equations import LENGTHS, B, D, H, T, every_kind, made

from npseq import GRU
from npseq.interop.onnx import Reverse, load


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


def test_reverse_is_a_layer():
    layer = Reverse(GRU(D, H, dtype=np.float64, rng=0))
    x = np.random.default_rng(0).normal(size=(T, B, D))
    y, _, tape = layer.forward(x)
    np.testing.assert_allclose(y, layer.layer.forward(x[::-1])[0][::-1], rtol=0, atol=1e-15)
    again, _, _ = layer.forward(x, tape=tape)
    np.testing.assert_array_equal(again, layer.astype(np.float64).to("cpu").forward(x)[0])
    assert layer.forward(np.zeros((T, B), int))[0].shape == (T, B, H)
    assert layer.backward(None, layer.forward(np.zeros((T, B), int))[2])[0] is None
    assert repr(layer).startswith("Reverse(GRU(3, 2")
    with pytest.raises(TypeError, match="layer must be an RNN, GRU or LSTM of one direction, got GRU"):
        Reverse(GRU(D, H, bidirectional=True))
    with pytest.raises(ValueError, match=r"x must have shape \(T, B, 3\) or be ids"):
        layer.forward(np.zeros(3))
    with pytest.raises(TypeError, match="tape must be the one that this layer's forward returned, got NoneType"):
        layer.backward(y, None)
    with pytest.raises(ValueError, match=r"dy must have shape \(5, 4, 2\), got \(1, 4, 2\)"):
        layer.backward(y[:1], tape)
