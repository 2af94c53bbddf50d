"""The arrays of a loop over time belong to one forward pass."""

import numpy as np
import pytest

import npseq as ns
from npseq.learn.wholes import forward_arrays, layer_of


@pytest.mark.parametrize("kind", [ns.RNN, ns.LSTM])
def test_the_states_are_what_forward_returns(kind):
    layer, x, dy, state = layer_of(kind, 0)
    found = forward_arrays(layer, x, dy, state)
    np.testing.assert_array_equal(found["h"], layer.forward(x, state)[0])
    assert found["h0"].shape == (2, 4)


def test_gates_are_those_that_make_the_states():
    layer, x, dy, state = layer_of(ns.LSTM, 0)
    found = forward_arrays(layer, x, dy, state)
    before = np.concatenate([found["c0"][None], found["c"][:-1]])
    np.testing.assert_allclose(found["c"], found["f"] * before + found["i"] * found["g"], rtol=1e-13)
    layer, x, dy, state = layer_of(ns.GRU, 0, reset="before")
    found = forward_arrays(layer, x, dy, state)
    before = np.concatenate([found["h0"][None], found["h"][:-1]])
    np.testing.assert_allclose(found["h"], found["z"] * before + (1 - found["z"]) * found["n"], rtol=1e-13)
