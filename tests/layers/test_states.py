"""The user's states, checked and copied into strands and out of them."""

import numpy as np
import pytest

from npseq.layers import GRU, LSTM
from npseq.layers.lstm import LSTMCell
from npseq.layers.rnn import RNNCell
from npseq.layers.states import (
    add_states,
    as_state,
    check_state,
    h_from_rows,
    h_of,
    map_state,
    rows_of,
    stack_state,
    state_arrays,
    state_before,
    state_with,
)

SHAPES = {"h": (2, 3, 4), "c": (2, 3, 5)}
DTYPE = np.dtype(np.float64)


def checked(cell, state):
    return check_state("state", state, cell, SHAPES, DTYPE, np)


def test_no_state_is_zeros():
    h, c = checked(RNNCell(), None)
    assert (h.shape, h.dtype, c) == (SHAPES["h"], DTYPE, None)
    h, c = checked(LSTMCell(), None)
    assert (h.shape, c.shape) == (SHAPES["h"], SHAPES["c"])
    assert not h.any()
    assert not c.any()


def test_a_state_that_fits_is_taken_as_it_is():
    h, c = np.ones(SHAPES["h"]), np.ones(SHAPES["c"])
    assert checked(RNNCell(), h)[0] is h
    for pair in ((h, c), [h, c]):
        found = checked(LSTMCell(), pair)
        assert found[0] is h
        assert found[1] is c


def test_half_a_state_is_zeros_in_the_other_half():
    h = np.ones(SHAPES["h"])
    found_h, found_c = checked(LSTMCell(), (h, None))
    assert found_h is h
    np.testing.assert_array_equal(found_c, np.zeros(SHAPES["c"]))


def test_a_narrower_dtype_is_widened():
    h = np.ones(SHAPES["h"], np.float32)
    found, _ = checked(RNNCell(), h)
    assert found.dtype == DTYPE
    np.testing.assert_array_equal(found, h)


@pytest.mark.parametrize(
    ("cell", "state", "error", "message"),
    [
        (RNNCell(), np.ones((2, 3, 5)), ValueError, r"state \(h\) must have shape \(2, 3, 4\), got \(2, 3, 5\)"),
        (RNNCell(), [[0.0]], TypeError, r"state \(h\) must be .* of shape \(2, 3, 4\), got list"),
        (RNNCell(), np.ones((2, 3, 4)) * 1j, TypeError, r"state \(h\) is complex128 but the layer is float64"),
        (LSTMCell(), np.ones((2, 3, 4)), TypeError, r"state of an LSTM must be a pair \(h, c\), got ndarray"),
        (LSTMCell(), (None,), TypeError, r"state of an LSTM must be a pair \(h, c\), got tuple"),
        (
            LSTMCell(),
            (None, np.ones((2, 3, 4))),
            ValueError,
            r"state\[1\] \(c\) must have shape \(2, 3, 5\), got \(2, 3, 4\)",
        ),
    ],
)
def test_a_state_that_does_not_fit_is_refused(cell, state, error, message):
    with pytest.raises(error, match=message):
        checked(cell, state)


@pytest.mark.parametrize("strands", [1, 3])
def test_strands_are_stacked_batch_first_in_memory_of_their_own(strands):
    h = [np.random.default_rng(k).normal(size=(4, 3)) for k in range(strands)]
    found = stack_state(h, [None] * strands, np)
    assert found.shape == (strands, 3, 4)
    for k, part in enumerate(h):
        np.testing.assert_array_equal(found[k], part.T)
        assert not np.shares_memory(found, part)


def test_an_lstms_strands_make_a_pair():
    h, c = [np.ones((4, 3))] * 2, [np.zeros((5, 3))] * 2
    found = stack_state(h, c, np)
    assert type(found) is tuple
    assert [part.shape for part in found] == [(2, 3, 4), (2, 3, 5)]


def test_a_states_arrays_are_h_or_h_and_c_and_make_the_state_again():
    h, c = np.ones((1, 2, 3)), np.zeros((1, 2, 3))
    for state, arrays in ((h, [h]), ((h, c), [h, c]), ([h, c], [h, c])):
        found = state_arrays(state)
        assert [id(part) for part in found] == [id(part) for part in arrays]
    assert state_arrays((h, None)) == [h]
    assert state_arrays(None) == []
    assert as_state([h]) is h
    assert as_state([h, c]) == (h, c)


def test_a_function_is_mapped_over_states_part_by_part():
    assert map_state(lambda a: 2 * a, 3) == 6
    assert map_state(lambda a, b: a - b, (5, (6, None)), (1, (2, None))) == (4, (4, None))
    assert map_state(abs, None) is None


def test_states_add_up_part_by_part_and_none_is_zeros():
    assert add_states(1, 2) == 3
    assert add_states((1, (2, None)), (10, (20, 5))) == (11, (22, 5))
    assert add_states(None, (1, 2)) == add_states((1, 2), None) == (1, 2)
    assert add_states(None, None) is None


def test_h_stands_first_and_a_state_can_be_made_of_it():
    h, c = np.ones((1, 2, 3)), np.zeros((1, 2, 3))
    assert h_of(h) is h
    assert h_of((h, c)) is h
    assert state_with(RNNCell(), h) is h
    assert state_with(LSTMCell(), h) == (h, None)


def test_the_layers_of_h_lie_side_by_side_in_a_row():
    h = np.arange(24.0).reshape(2, 3, 4)
    rows = rows_of(h)
    for b in range(3):
        np.testing.assert_array_equal(rows[b], [*h[0, b], *h[1, b]])
    np.testing.assert_array_equal(h_from_rows(rows, 2), h)


@pytest.mark.parametrize("layer", [GRU(2, 3, 2, dtype=np.float64, rng=0), LSTM(2, 3, 2, proj_size=2, dtype=np.float64)])
def test_the_state_before_a_step_is_the_one_after_the_steps_before(layer):
    x = np.random.default_rng(0).normal(size=(4, 3, 2))
    tape = layer.forward(x)[2]
    for step in range(5):
        expected = layer.forward(x[:step])[1]
        for found, part in zip(
            state_arrays(state_before(tape, step, layer.state_size)), state_arrays(expected), strict=True
        ):
            np.testing.assert_array_equal(found, part)
