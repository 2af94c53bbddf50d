"""Keras's layers and models, on the backend that KERAS_BACKEND names."""

import os

import numpy as np
import pytest

import npseq as ns

if "keras" not in os.environ.get("KERAS_HOME", ""):
    os.environ["KERAS_HOME"] = "build/keras"
os.environ.setdefault("KERAS_BACKEND", "torch")
pytest.importorskip("torch")
keras = pytest.importorskip("keras", exc_type=ImportError)

X = np.random.default_rng(0).normal(size=(2, 3, 2))


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_a_recurrent_layer_with_its_variables(kind):
    """Not SimpleRNN: of dtype float64 its outputs on PyTorch have the rounding of float32, which the checker says."""
    report = ns.gradcheck(getattr(keras.layers, kind)(2, dtype="float64", return_sequences=True), X)
    assert report.passed
    assert [row.name.rpartition("/")[2] for row in report.tensors] == [
        "sequences",
        "kernel",
        "recurrent_kernel",
        "bias",
    ]


class Doubled(keras.layers.Layer):
    """Its first factor is not seen by the gradient."""

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1],), name="w", initializer="ones")

    def call(self, x):
        return keras.ops.stop_gradient(self.w) * self.w * x


def test_a_path_that_was_cut_is_found():
    report = ns.gradcheck(Doubled(dtype="float64"), X)
    assert [row.status for row in report.tensors] == ["pass", "fail"]


def test_float32_is_refused_with_a_remedy_that_works():
    with pytest.raises(
        TypeError, match=r'kernel must be float64, .* got .*float32; make the layer with dtype="float64"'
    ):
        ns.gradcheck(keras.layers.Dense(2), X)
    assert ns.gradcheck(keras.layers.Dense(2, dtype="float64"), X).passed
