"""An ONNX model, run by onnxruntime, is a function for the checker."""

import numpy as np
import pytest

import npseq as ns

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

X = np.random.default_rng(0).normal(size=(5, 2, 3))


def exported(layer, path):
    ns.interop.onnx.export(layer, path)
    return path


@pytest.mark.parametrize("factor", [1, 2])
def test_the_gradient_of_a_layer_is_that_of_its_file(tmp_path, factor):
    layer, h = ns.GRU(3, 4, rng=0), np.random.default_rng(1).normal(size=(1, 2, 4))
    f = ns.interop.onnx.function(exported(layer, tmp_path / "gru.onnx"), rng=7)
    draw = np.random.default_rng(7)
    y, last, tape = layer.forward(X.astype(np.float32), h.astype(np.float32))
    dy, dlast = (draw.standard_normal(part.shape).astype(np.float32) for part in (y, last))
    dx, dh, _ = layer.backward(dy, tape, dlast)
    report = ns.gradcheck(f, {"x": X, "h": h}, {"x": factor * dx, "h": dh}, "central", rtol=1e-2)
    assert report.passed == (factor == 1), report


def test_inputs_without_a_gradient_are_fixed(tmp_path):
    path = exported(ns.RNN(3, 4, rng=0), tmp_path / "rnn.onnx")
    h = np.ones((1, 2, 4))
    fixed, free = (ns.interop.onnx.function(path, held) for held in ({"h": h}, None))
    assert fixed({"x": X}) == free({"x": X, "h": h})


def test_inputs_that_are_missing_are_named(tmp_path):
    f = ns.interop.onnx.function(exported(ns.RNN(3, 4, rng=0), tmp_path / "rnn.onnx"))
    with pytest.raises(ValueError, match=r"the model reads \[.*\], got \['nothing'\]"):
        f({"nothing": X})
