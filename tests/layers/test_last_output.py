"""The last output is y at each sequence's own last step, and its gradient is the reverse of it."""

import numpy as np
import pytest

import npseq as ns
from npseq.layers import Reversed, last_output, last_output_gradient

T, B, D = 5, 3, 2
F64 = {"dtype": np.float64, "rng": 0}
LENGTHS = np.array([2, 5, 3])
LAYERS = {
    "rnn": ns.RNN(D, 3, 2, **F64),
    "lstm": ns.LSTM(D, 4, 2, proj_size=3, **F64),
    "both ways": ns.GRU(D, 3, 2, bidirectional=True, **F64),
    "reversed": Reversed(ns.LSTM(D, 3, **F64)),
    "two kinds": ns.Bidirectional(ns.GRU(D, 3, **F64), ns.LSTM(D, 2, **F64)),
}
WIDTHS = {"rnn": (3, 0), "lstm": (3, 0), "both ways": (3, 3), "reversed": (0, 3), "two kinds": (3, 2)}


@pytest.mark.parametrize("name", LAYERS)
def test_it_is_y_where_each_direction_ends(name):
    layer, x = LAYERS[name], np.random.default_rng(0).normal(size=(T, B, D))
    y, state, _ = layer.forward(x, None, LENGTHS)
    ahead, _ = WIDTHS[name]
    expected = np.concatenate([y[LENGTHS - 1, np.arange(B), :ahead], y[0, :, ahead:]], axis=1)
    np.testing.assert_array_equal(last_output(layer, state), expected)


@pytest.mark.parametrize("name", LAYERS)
def test_its_gradient_is_that_of_y_there(name):
    layer, rng = LAYERS[name], np.random.default_rng(0)
    _, _, tape = layer.forward(rng.normal(size=(T, B, D)), None, LENGTHS)
    ahead, behind = WIDTHS[name]
    dlast, dy = rng.normal(size=(B, ahead + behind)), np.zeros((T, B, ahead + behind))
    dy[LENGTHS - 1, np.arange(B), :ahead] = dlast[:, :ahead]
    dy[0, :, ahead:] = dlast[:, ahead:]
    dx, _, grads = layer.backward(None, tape, last_output_gradient(layer, dlast))
    expected, _, whole = layer.backward(dy, tape)
    np.testing.assert_allclose(dx, expected, rtol=0, atol=1e-15)
    np.testing.assert_allclose(grads.flat, whole.flat, rtol=0, atol=1e-14)


def test_a_sequence_of_no_steps_has_its_initial_state():
    layer, start = LAYERS["rnn"], np.random.default_rng(0).normal(size=(2, 1, 3))
    _, state, _ = layer.forward(np.zeros((4, 1, D)), start, np.array([0]))
    np.testing.assert_array_equal(last_output(layer, state), start[-1])
