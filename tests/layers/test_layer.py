"""What every layer can do: another vector of parameters, another dtype, another device."""

import copy
import pickle

import numpy as np
import pytest
from layers.recurrent_cases import make

from npseq.layers.layer import Layer
from npseq.parameters import Parameters, simple_layout


class Scale(Layer):
    """y = x g, and an option that is no parameter."""

    def __init__(self, flat, name="scale"):
        self.params, self.name = Parameters(simple_layout({"g": (2,)}), flat), name

    def forward(self, x):
        return x * self.params["g"]


def test_the_dtype_is_that_of_the_parameters():
    assert Scale(np.ones(2, np.float32)).dtype == np.float32
    assert Scale(np.ones(2, complex)).dtype == np.complex128


def test_bind_takes_the_vector_itself_and_keeps_the_rest():
    layer, flat = Scale(np.ones(2), "given"), np.array([2.0, 3.0])
    bound = layer.bind(flat)
    assert bound.params.flat is flat
    assert (type(bound), bound.name) == (Scale, "given")
    flat[0] = 5
    np.testing.assert_array_equal(bound.forward(np.ones(2)), [5, 3])
    np.testing.assert_array_equal(layer.forward(np.ones(2)), [1, 1])


def test_bind_refuses_a_vector_of_another_size():
    with pytest.raises(ValueError, match=r"flat must have shape \(2,\) for this layout, got \(3,\)"):
        Scale(np.ones(2)).bind(np.ones(3))


def test_astype_copies_also_into_the_same_dtype():
    layer = Scale(np.ones(2))
    twin = layer.astype(np.complex128)
    assert (layer.dtype, twin.dtype) == (np.float64, np.complex128)
    np.testing.assert_array_equal(twin.forward(np.array([1j, 1])), [1j, 1])
    same = layer.astype("float64")
    same.params.flat[...] = 0
    assert layer.params.flat.all()
    with pytest.raises(ValueError, match="dtype must be float32, float64, complex64 or complex128, got int32"):
        layer.astype(np.int32)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_a_copy_has_parameters_of_its_own(copied):
    layer = Scale(np.ones(2))
    layer.params["g"]  # a view that must not be copied along
    other = copied(layer)
    other.params["g"] = np.zeros(2)
    np.testing.assert_array_equal(other.params.flat, 0)
    np.testing.assert_array_equal(layer.params.flat, 1)


def test_to_moves_in_place_and_returns_the_layer():
    layer = Scale(np.ones(2))
    assert layer.to("cpu") is layer
    np.testing.assert_array_equal(layer.params["g"], 1)
    with pytest.raises(ValueError, match="device must be 'cpu' or 'gpu', got None"):
        layer.to(None)


def test_bind_astype_and_to_of_an_lstm():
    layer = make("lstm", dtype=np.float32)
    flat = np.zeros_like(layer.params.flat)
    bound = layer.bind(flat)
    assert bound.params.flat is flat
    bound.params["b_f"][...] = 1
    assert flat.sum() == 4
    assert not np.array_equal(layer.params.flat, flat)
    double = layer.astype(np.float64)
    assert (double.dtype, layer.dtype) == (np.float64, np.float32)
    np.testing.assert_array_equal(double.params.flat, layer.params.flat)
    same = layer.astype(np.float32)
    same.params.flat[...] = 0
    assert layer.params.flat.any()
    assert layer.to("cpu") is layer
    with pytest.raises(ValueError, match="device must be 'cpu' or 'gpu', got 'tpu'"):
        layer.to("tpu")
