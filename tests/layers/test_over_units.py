"""The cells with functions over units are of no library but Keras; tests/activations/test_over_units.py runs them."""

import numpy as np
import pytest

import npseq as ns
from npseq.layers.over_units import LSTMOverUnitsCell


def test_they_are_refused_where_they_cannot_be_held(tmp_path):
    layer = ns.Recurrent(LSTMOverUnitsCell(activation="softmax"), 2, 3, rng=0)
    with pytest.raises(ValueError, match="ONNX has no LSTMOverUnitsCell"):
        ns.interop.onnx.export(layer, tmp_path / "layer.onnx")
    with pytest.raises(ValueError, match="PyTorch has no LSTMOverUnitsCell"):
        ns.interop.torch.export(layer)
    x = np.ones((2, 1, 2), np.float32)
    with pytest.raises(TypeError, match="an LSTM's cell state"):
        ns.inspect.path_split(layer, layer.forward(x)[2])
