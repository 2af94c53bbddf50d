"""Cells of the gallery that are ONNX's operators at other weights give the same outputs and states."""

import numpy as np
import pytest

import npseq as ns
from npseq.interop.onnx.equivalents import EQUIVALENTS, standard


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("cell", EQUIVALENTS, ids=lambda cell: cell.__name__)
def test_the_equivalent_computes_the_same(cell, bias):
    layer = ns.Recurrent(cell(), 2, 3, num_layers=2, bidirectional=True, bias=bias, dtype=np.float64, rng=0)
    layer.params.flat[:] *= 3
    x = np.random.default_rng(0).normal(size=(5, 2, 2))
    twin = standard(layer)
    assert type(twin.cell) is not cell
    (y, state, _), (other, last, _) = layer.forward(x), twin.forward(x)
    np.testing.assert_allclose(other, y, rtol=0, atol=1e-14)
    np.testing.assert_allclose(last[0], state[0], rtol=0, atol=1e-14)


def test_other_layers_are_themselves():
    for layer in (ns.GRU(2, 3, rng=0), ns.Recurrent(ns.gallery.JANETCell(), 2, 3, rng=0)):
        assert standard(layer) is layer


@pytest.mark.parametrize("cell", EQUIVALENTS, ids=lambda cell: cell.__name__)
def test_onnxruntime_runs_it(cell, tmp_path):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    layer = ns.Recurrent(cell(), 2, 3, num_layers=2, bidirectional=True, rng=0)
    ns.interop.onnx.export(layer, tmp_path / "layer.onnx")
    session = runtime.InferenceSession(str(tmp_path / "layer.onnx"), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    x, parts = rng.normal(size=(5, 2, 2)), [rng.normal(size=(4, 2, 3)) for _ in layer.cell.state]
    wide = layer.astype(np.float64)
    y = wide.forward(x, tuple(parts) if len(parts) == 2 else parts[0])[0]
    feeds = {"x": x, **dict(zip(layer.cell.state, parts, strict=True))}
    found = session.run(None, {name: value.astype(np.float32) for name, value in feeds.items()})
    np.testing.assert_allclose(found[0], y, rtol=0, atol=1e-6)
