"""Names, shapes and memory of a recurrent layer's parameters."""

import numpy as np
import pytest

from npseq.bptt.layout import h_biases, strand_layout, strand_weights, suffix
from npseq.layers import GRU, LSTM, RNN
from npseq.layers.gru import GRUCell
from npseq.layers.lstm import LSTMCell
from npseq.layers.rnn import RNNCell
from npseq.parameters import Parameters


def shapes(gates, D, P, H, bias=True, **more):
    weights = {f"W_x{g}": (D, H) for g in gates} | {f"W_h{g}": (P, H) for g in gates}
    return weights | ({f"b_{g}": (H,) for g in gates} if bias else {}) | more


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (RNN(3, 4), shapes("h", 3, 4, 4)),
        (GRU(3, 4), shapes("rzn", 3, 4, 4, b_hn=(4,))),
        (GRU(3, 4, reset="before"), shapes("rzn", 3, 4, 4)),
        (GRU(3, 4, bias=False), shapes("rzn", 3, 4, 4, bias=False)),
        (LSTM(3, 4), shapes("ifog", 3, 4, 4)),
        (LSTM(3, 4, proj_size=2), shapes("ifog", 3, 2, 4, W_hp=(4, 2))),
        (LSTM(3, 4, bias=False, peepholes=True), shapes("ifog", 3, 4, 4, bias=False, p_i=(4,), p_f=(4,), p_o=(4,))),
    ],
)
def test_names_and_shapes_of_parameters(layer, expected):
    assert {name: array.shape for name, array in layer.params.items()} == expected


def test_names_of_upper_layers_and_the_reverse_direction():
    names = [f"{name}{ending}" for ending in ("", "_reverse", "_l1", "_l1_reverse") for name in ("W_xh", "W_hh", "b_h")]
    layer = RNN(3, 4, num_layers=2, bidirectional=True)
    assert set(layer.params) == set(names)
    assert layer.params["W_xh_l1_reverse"].shape == (8, 4)


@pytest.mark.parametrize(
    ("layer", "reverse", "expected"),
    [(0, False, ""), (0, True, "_reverse"), (2, False, "_l2"), (1, True, "_l1_reverse")],
)
def test_endings_are_those_of_layer_and_direction(layer, reverse, expected):
    assert suffix(layer, reverse) == expected


@pytest.mark.parametrize(
    ("cell", "state", "bias", "blocks"),
    [
        (RNNCell(), 4, True, {"W": (8, 4)}),
        (RNNCell(), 4, False, {"W": (7, 4)}),
        (GRUCell("after"), 4, True, {"W": (8, 12), "h_biases": (1, 4)}),
        (GRUCell("after"), 4, False, {"W": (7, 12)}),
        (GRUCell("before"), 4, True, {"W": (8, 12)}),
        (LSTMCell(), 4, True, {"W": (8, 16)}),
        (LSTMCell(True, True), 2, True, {"W": (6, 16), "U": (4, 2), "vectors": (3, 4)}),
    ],
    ids=str,
)
def test_blocks_of_a_strand(cell, state, bias, blocks):
    layout = strand_layout(cell, 3, 4, state, bias, "_l1")
    assert layout.blocks == {f"{name}_l1": shape for name, shape in blocks.items()}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("cell", "state"),
    [
        (RNNCell(), 4),
        (GRUCell("after"), 4),
        (GRUCell("before"), 4),
        (LSTMCell(True, False), 4),
        (LSTMCell(True, True), 2),
    ],
    ids=str,
)
def test_names_cover_the_vector_without_overlap(cell, state, bias):
    layout = strand_layout(cell, 3, 4, state, bias, "")
    params = Parameters(layout, np.zeros(layout.size))
    for name in params:
        params[name][...] += 1
    np.testing.assert_array_equal(params.flat, 1)


def test_one_product_of_the_rows_is_the_two_products_and_the_bias():
    """[X, H] [W_xh; W_hh] = X W_xh + H W_hh, of Dive into Deep Learning, 9.4."""
    layer, rng = LSTM(3, 4, dtype=np.float64, rng=0), np.random.default_rng(0)
    h, x, p = rng.normal(size=4), rng.normal(size=3), layer.params
    found = np.concatenate([h, [1.0], x]) @ layer.weights(0, 0).W
    for k, gate in enumerate(("o", "i", "f", "g")):
        expected = x @ p[f"W_x{gate}"] + h @ p[f"W_h{gate}"] + p[f"b_{gate}"]
        np.testing.assert_allclose(found[4 * k : 4 * k + 4], expected, rtol=0, atol=1e-15)


def test_weights_are_views_of_the_parameters():
    cases = (
        (RNN(3, 4), {"W": "W_hh"}),
        (GRU(3, 4), {"W": "W_hn", "h_biases": "b_hn"}),
        (GRU(3, 4, reset="before"), {"W": "W_hz", "U": "W_hn"}),
        (LSTM(3, 4, peepholes=True, proj_size=2), {"W": "W_xg", "U": "W_hp", "vectors": "p_f"}),
    )
    for layer, views in cases:
        w = strand_weights(layer.cell, layer.params, 4, layer.state_size, True, "")
        for field in ("W", "U", "vectors", "h_biases"):
            assert (getattr(w, field) is None) == (field not in views)
        for field, name in views.items():
            before = getattr(w, field).sum()
            layer.params[name][...] += 1
            assert getattr(w, field).sum() == pytest.approx(before + layer.params[name].size, rel=1e-5)
        assert (w.state, w.bias) == (layer.state_size, 1)


def test_the_second_product_of_the_grus_reset_before_lies_within_W():
    layer = GRU(3, 4, reset="before")
    w = layer.weights(0, 0)
    assert "U" not in layer.params.layout.blocks
    np.testing.assert_array_equal(w.U, layer.params["W_hn"])
    assert np.shares_memory(w.U, w.W)


def test_biases_of_blocks_without_x():
    assert h_biases(GRUCell("after"), True) == ("b_hn",)
    assert h_biases(GRUCell("after"), False) == h_biases(GRUCell("before"), True) == h_biases(LSTMCell(), True) == ()
