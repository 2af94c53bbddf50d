"""Packing of a strand's gates, and back; and which values and layers are taken."""

import numpy as np
import pytest

import npseq as ns
from npseq import GRU, LSTM, RNN, Dropout, Embedding, Linear
from npseq.interop.packed import (
    Packed,
    StrandIndex,
    check_dtype,
    check_layer,
    host_array,
    host_values,
    pack,
    refuse_projection,
    strand_indices,
    unpack,
)

D, H = 3, 2


def drawn(layer):
    layer.params.flat[:] = np.random.default_rng(0).normal(size=layer.params.flat.shape)
    return layer


def test_strands_come_layer_by_layer_forward_before_reverse():
    layer = RNN(D, H, num_layers=2, bidirectional=True, rng=0)
    assert list(strand_indices(layer)) == [
        StrandIndex(0, False, ""),
        StrandIndex(0, True, "_reverse"),
        StrandIndex(1, False, "_l1"),
        StrandIndex(1, True, "_l1_reverse"),
    ]


def test_gates_are_side_by_side_in_the_given_order():
    layer = drawn(LSTM(D, H, dtype=np.float64, rng=0))
    packed = pack(layer, dict(layer.params), "", ("g", "i", "o", "f"))
    for k, gate in enumerate("giof"):
        block = slice(k * H, (k + 1) * H)
        np.testing.assert_array_equal(packed.W_x[:, block], layer.params[f"W_x{gate}"])
        np.testing.assert_array_equal(packed.W_h[:, block], layer.params[f"W_h{gate}"])
        np.testing.assert_array_equal(packed.b_x[block], layer.params[f"b_{gate}"])
    assert not packed.b_h.any()


def test_derivatives_are_in_both_biases_and_a_candidates_are_two():
    layer = drawn(GRU(D, H, dtype=np.float64, rng=0))
    packed = pack(layer, dict(layer.params), "", ("z", "r", "n"), derivatives=True)
    np.testing.assert_array_equal(packed.b_x[: 2 * H], packed.b_h[: 2 * H])
    np.testing.assert_array_equal(packed.b_x[2 * H :], layer.params["b_n"])
    np.testing.assert_array_equal(packed.b_h[2 * H :], layer.params["b_hn"])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("kind", "options", "gates"),
    [
        (RNN, {}, ("h",)),
        (GRU, {}, ("z", "r", "n")),
        (GRU, {"reset": "before"}, ("n", "r", "z")),
        (LSTM, {}, ("i", "o", "f", "g")),
    ],
)
def test_unpacked_they_are_the_same_parameters(kind, options, gates, bias):
    layer = drawn(kind(D, H, bias=bias, dtype=np.float64, rng=0, **options))
    values = unpack(layer, pack(layer, dict(layer.params), "", gates), "", gates)
    assert values.keys() == layer.params.keys()
    for name, value in values.items():
        np.testing.assert_array_equal(value, layer.params[name])


def test_two_biases_add_up_and_one_alone_is_the_sum():
    layer = RNN(D, H, dtype=np.float64)
    W_x, W_h, b = np.zeros((D, H)), np.zeros((H, H)), np.array([1.0, 2.0])
    assert unpack(layer, Packed(W_x, W_h, b, 10 * b), "", ("h",))["b_h"].tolist() == [11, 22]
    assert unpack(layer, Packed(W_x, W_h, b), "", ("h",))["b_h"].tolist() == [1, 2]


def test_values_are_parameters_or_derivatives_named_and_shaped_so():
    layer = RNN(D, H, dtype=np.float64, rng=0)
    assert host_values(layer, None)[1] is False
    assert host_values(layer, layer.params)[1] is False
    grads = {name: np.ones_like(array) for name, array in layer.params.items()}
    assert host_values(layer, grads) == (grads, True)
    with pytest.raises(ValueError, match=r"'b_h' must be \(2,\), got none"):
        host_values(layer, {name: array for name, array in grads.items() if name != "b_h"})
    with pytest.raises(TypeError, match="values must map names to arrays, got list"):
        host_values(layer, [1])


def test_layers_that_another_library_does_not_have_are_refused():
    for layer in (Linear(D, H), Embedding(D, H), GRU(D, H), LSTM(D, H, proj_size=1)):
        check_layer(layer, "Any")
    with pytest.raises(ValueError, match=r"Any's LSTM has no peepholes, got peepholes=True; use LSTM\(..., peep"):
        check_layer(LSTM(D, H, peepholes=True), "Any")
    with pytest.raises(TypeError, match="layer must be an RNN, GRU, LSTM, Linear or Embedding, got Dropout"):
        check_layer(Dropout(0.5), "Any")
    refuse_projection(Linear(D, H), "Any")
    with pytest.raises(ValueError, match=r"Any's LSTM has no projection, got proj_size=1; use LSTM\(..., proj_size=0"):
        refuse_projection(LSTM(D, H, proj_size=1), "Any")


def test_a_type_that_numpy_lacks_becomes_float32():
    halves = pytest.importorskip("ml_dtypes")
    given = np.array([1.5, -2.0], halves.bfloat16)
    found = host_array("b", given)
    assert (found.dtype, found.tolist()) == (np.float32, [1.5, -2.0])
    with pytest.raises(TypeError, match=r"b must be a NumPy or CuPy array of numbers, got list; pass numpy.asarray"):
        host_array("b", [1.0])


def test_an_array_that_would_lose_precision_is_refused():
    check_dtype("b", np.zeros(1, np.float32), RNN(D, H, dtype=np.float64), "weights")
    message = r"b is float64 but the layer is float32; use the weights cast to float32 or layer.astype\("
    with pytest.raises(TypeError, match=message):
        check_dtype("b", np.zeros(1), RNN(D, H), "weights")


TWO_BIASES = [
    (np.float32, np.float64, 1.0, 1e-8, 1 + float(np.float32(1e-8))),
    (np.float16, np.float32, 4e4, 4e4, 8e4),
    (np.float16, np.float64, 1.0, 1e-4, 1 + float(np.float16(1e-4))),
]


@pytest.mark.parametrize(("narrow", "wide", "first", "second", "expected"), TWO_BIASES)
@pytest.mark.parametrize("kind", [RNN, LSTM, GRU])
def test_two_biases_are_added_in_the_layers_dtype(kind, narrow, wide, first, second, expected):
    """Through PyTorch's names, and Keras's list: what is narrow becomes wide before it is added."""
    names = ns.interop.torch.export(kind(D, H, dtype=np.float32, rng=0))
    state_dict = {name: np.zeros_like(value, narrow) for name, value in names.items()}
    state_dict["bias_ih_l0"][...], state_dict["bias_hh_l0"][...] = first, second
    layer = kind(D, H, dtype=wide, rng=0)
    ns.interop.torch.load(layer, state_dict)
    summed = [name for name in layer.params if name.startswith("b_") and name not in ("b_n", "b_hn")]
    assert {layer.params[name].dtype for name in summed} == {np.dtype(wide)}
    for name in summed:
        np.testing.assert_array_equal(layer.params[name], expected)
    if kind is GRU:
        weights = [array.astype(narrow) for array in ns.interop.keras.export(kind(D, H, rng=0))]
        weights[2][0], weights[2][1] = first, second
        ns.interop.keras.load(layer, weights)
        for name in summed:
            np.testing.assert_array_equal(layer.params[name], expected)
