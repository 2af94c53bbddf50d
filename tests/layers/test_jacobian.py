"""A step's Jacobian against central differences of forward, column by column, and the tape of a step alone."""

import numpy as np
import pytest
from layers.recurrent_cases import every_cell, given, make, parts

import npseq as ns
from npseq.layers.jacobian import at_step, check_one_way, check_steps, state_features, state_jacobian

T, B = 4, 3
STEP = 1e-6


def flat(state):
    """(B, n): h of every layer, then c of every layer."""
    return np.concatenate([part.transpose(1, 0, 2).reshape(B, -1) for part in parts(state)], axis=1)


def unflat(layer, vector):
    L, P, H = layer.num_layers, layer.state_size, layer.hidden_size
    h = vector[:, : L * P].reshape(B, L, P).transpose(1, 0, 2)
    return h if len(layer.cell.state) == 1 else (h, vector[:, L * P :].reshape(B, L, H).transpose(1, 0, 2))


def by_differences(layer, x, state):
    """(B, n, n): how the state after the step follows from each number of the one before."""
    before = flat(state)
    J = np.empty((B, before.shape[1], before.shape[1]))
    for k in range(before.shape[1]):
        ends = []
        for sign in (1, -1):
            moved = before.copy()
            moved[:, k] += sign * STEP
            ends.append(flat(layer.forward(x, unflat(layer, moved))[1]))
        J[:, :, k] = (ends[0] - ends[1]) / (2 * STEP)
    return J


@pytest.mark.parametrize("layers", [1, 2])
@every_cell
def test_it_is_the_derivative_of_the_state_by_the_state_before(cell, layers):
    layer = make(cell, num_layers=layers)
    data = given(layer, 1, B)
    J, rows = state_jacobian(layer, layer.forward(data.x, data.state)[2])
    n = state_features(layer)
    assert J.shape == (B, n, n)
    np.testing.assert_allclose(J, by_differences(layer, data.x, data.state), rtol=0, atol=1e-8)
    assert [row[0].da.shape[-2:] for row in rows] == [(n, B)] * layers


@pytest.mark.parametrize("layers", [1, 2])
@every_cell
def test_a_step_of_a_tape_is_the_tape_of_that_step(cell, layers):
    layer = make(cell, num_layers=layers)
    data = given(layer, T, B)
    whole, state = layer.forward(data.x, data.state)[2], data.state
    for t in range(T):
        one = at_step(whole, t)
        J, _ = state_jacobian(layer, one)
        _, after, alone = layer.forward(data.x[t : t + 1], state)
        np.testing.assert_allclose(J, state_jacobian(layer, alone)[0], rtol=0, atol=1e-14)
        assert np.shares_memory(one.strands[0][0].s, whole.strands[0][0].s)
        state = after


def test_jacobians_multiplied_are_the_gradient_of_the_first_state():
    layer = make("lstm both", num_layers=2)
    data = given(layer, T, B)
    _, _, tape = layer.forward(data.x, data.state)
    product = np.broadcast_to(np.eye(state_features(layer)), (B, *[state_features(layer)] * 2))
    for t in range(T):
        product = state_jacobian(layer, at_step(tape, t))[0] @ product
    _, dstate, _ = layer.backward(None, tape, data.dstate)
    expected = np.einsum("bji,bj->bi", product, flat(data.dstate))
    np.testing.assert_allclose(flat(dstate), expected, rtol=0, atol=1e-13)


def test_a_sequence_that_is_over_has_the_identity():
    layer = make("gru before", num_layers=2)
    data = given(layer, T, B)
    tape = layer.forward(data.x, data.state, np.array([2, 4, 0]))[2]
    for t in range(T):
        J, _ = state_jacobian(layer, at_step(tape, t))
        for b, length in enumerate((2, 4, 0)):
            assert np.array_equal(J[b], np.eye(8)) == (t >= length)


def test_dropout_masks_go_with_their_step():
    layer = make("lstm", dropout=0.5)
    data = given(layer, T, B)
    tape = layer.forward(data.x, data.state, training=True)[2]
    for t in range(T):
        (mask,) = at_step(tape, t).dropout[1]
        np.testing.assert_array_equal(mask, tape.dropout[1][0][t : t + 1])


@pytest.mark.parametrize(
    ("layer", "n"),
    [
        (ns.RNN(2, 3, num_layers=2), 6),
        (ns.GRU(2, 3), 3),
        (ns.LSTM(2, 3, num_layers=2), 12),
        (ns.LSTM(2, 3, num_layers=2, proj_size=2), 10),
    ],
)
def test_the_state_has_h_and_c_of_every_layer(layer, n):
    assert state_features(layer) == n


def test_two_directions_are_refused():
    check_one_way(ns.RNN(2, 3), "a spectrum")
    for layer in (ns.RNN(2, 3, bidirectional=True), ns.Bidirectional(ns.RNN(2, 3), ns.RNN(2, 3))):
        with pytest.raises(ValueError, match=r"a spectrum needs a layer of one direction, got .*; take a layer of one"):
            check_one_way(layer, "a spectrum")


def test_steps_and_sequences_are_read_off_x_or_ids():
    assert check_steps(np.zeros((5, 2, 3))) == (5, 2)
    assert check_steps(np.zeros((5, 2), int)) == (5, 2)
    with pytest.raises(ValueError, match=r"x must have shape \(T, B, D\) or be ids \(T, B\), got \(5,\)"):
        check_steps(np.zeros(5))
    with pytest.raises(TypeError, match="x must be a NumPy or CuPy array of numbers, got list"):
        check_steps([[1.0]])
