"""SnAp-n equals RTRL where it must, and the same recursion written as scalar loops elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from layers.recurrent_cases import assert_close, every_cell, given, make, parts
from oracles.recurrent import STEPS

import npseq as ns
from npseq import GRU, LSTM, RNN
from npseq.online.snap import pattern

T, B, H = 5, 3, 5
LENGTHS = np.array([3, 0, 5])
ragged = pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "ragged"])


def ring(n=H):
    """Weights with which each unit reads only the one before it."""
    return np.roll(np.diag(np.linspace(0.7, 1.2, n)), 1, axis=1)


def sparse(cell, W, **options):
    """A layer whose recurrent weights are zero where W is."""
    layer = make(cell, size=2, hidden=len(W), num_layers=1, **options)
    for name in layer.params:
        if name.startswith("W_h"):
            layer.params[name] = W * np.sign(layer.params[name])
    return layer


@ragged
@pytest.mark.parametrize("layers", [1, 2])
@every_cell
def test_with_as_many_steps_as_the_sequence_it_is_rtrl(cell, layers, lengths):
    layer = make(cell, num_layers=layers)
    data = given(layer, T, B)
    exact = ns.rtrl(layer, data.x, data.dy, data.state, lengths, data.dstate)
    found = ns.snap(layer, data.x, data.dy, data.state, lengths, data.dstate, n=T)
    assert_close(dict(found.grads), dict(exact.grads), 1e-12)
    np.testing.assert_array_equal(found.y, exact.y)
    for a, b in zip(parts(found.state), parts(exact.state), strict=True):
        np.testing.assert_array_equal(a, b)


@every_cell
def test_in_dense_weights_two_steps_reach_everything(cell):
    layer = make(cell, num_layers=1)
    data = given(layer, T, B)
    exact = ns.rtrl(layer, data.x, data.dy, data.state).grads
    one, found = (ns.snap(layer, data.x, data.dy, data.state, n=n).grads for n in (1, 2))
    assert_close(dict(found), dict(exact), 1e-12)
    assert np.abs(one.flat - exact.flat).max() > 1e-3 * np.abs(exact.flat).max()


@ragged
@pytest.mark.parametrize("cell", ["rnn tanh", "rnn relu", "gru after", "gru before", "lstm", "lstm peepholes"])
def test_snap_1_of_diagonal_recurrent_weights_is_rtrl(cell, lengths):
    """An LSTM's output gate acts on h first and on its own c a step later: it takes two."""
    layer = sparse(cell, np.diag(np.linspace(0.4, 1.3, H)))
    data = given(layer, T, B)
    exact = ns.rtrl(layer, data.x, data.dy, data.state, lengths, data.dstate)
    n = 2 if isinstance(layer, LSTM) else 1
    found = ns.snap(layer, data.x, data.dy, data.state, lengths, data.dstate, n=n)
    assert_close(dict(found.grads), dict(exact.grads), 1e-12)


@pytest.mark.parametrize("cell", ["rnn tanh", "gru after", "lstm"])
def test_around_a_ring_every_further_step_reaches_one_more_unit(cell):
    layer = sparse(cell, ring())
    data = given(layer, 2 * H, B)
    exact = ns.rtrl(layer, data.x, data.dy, data.state).grads
    last = H + (cell == "lstm")  # an output gate reaches its own c a step late
    for n in range(1, last + 1):
        reached = pattern(layer, n)[{"rnn tanh": "b_h", "gru after": "b_z", "lstm": "b_i"}[cell]]
        for unit in range(H):
            expected = {(unit + k) % H for k in range(min(n, H))}
            assert {k % H for k in np.flatnonzero(reached[:, unit])} == expected
        found = ns.snap(layer, data.x, data.dy, data.state, n=n).grads
        error = np.abs(found.flat - exact.flat).max() / np.abs(exact.flat).max()
        assert error < 1e-12 if n == last else error > 1e-6, n


def test_a_sparse_network_agrees_with_scalar_loops():
    """An entry of S is kept if a walk of fewer than n edges leads from the unit that the weight feeds to the other."""
    layer = sparse("rnn tanh", ring() + np.diag([0.5, 0, 0, 0.3, 0]))
    data = given(layer, T, 1)
    p, units = {name: value.copy() for name, value in layer.params.items()}, range(H)
    for n in (1, 2, 3):
        reach = {(i, i) for i in units}
        for _ in range(n - 1):
            reach |= {(i, k) for i, j in reach for k in units if p["W_hh"][j, k] != 0}
        h, total = list(data.state[0, 0]), {name: np.zeros(value.shape) for name, value in p.items()}
        S = {(name, index, j): 0.0 for name in p for index in np.ndindex(p[name].shape) for j in units}
        for t in range(T):
            after = STEPS["tanh"](p, data.x[t, 0], h, None)[0]
            derivative = [1 - value**2 for value in after]
            inputs = {"W_xh": data.x[t, 0], "W_hh": h, "b_h": None}
            new = {}
            for name, index, j in S:
                own = 1.0 if inputs[name] is None else inputs[name][index[0]]
                carried = sum(p["W_hh"][i, j] * S[name, index, i] for i in units)
                masked = (index[-1], j) in reach
                new[name, index, j] = derivative[j] * (carried + own * (index[-1] == j)) if masked else 0.0
            S, h = new, after
            for name, index, j in S:
                total[name][index] += data.dy[t, 0, j] * S[name, index, j]
        found = ns.snap(layer, data.x, data.dy, data.state, n=n)
        assert_close(dict(found.grads), total, 1e-12)


def test_an_inactive_relu_hides_no_path():
    """The pattern depends on the weights, not on the numbers of a forward pass."""
    layer = RNN(2, 3, nonlinearity="relu", dtype=np.float64, rng=0)
    layer.params["b_h"] = np.full(3, -100.0)
    assert pattern(layer, 2)["W_xh"].all()
    layer.params.flat[:] = 0
    np.testing.assert_array_equal(pattern(layer, 5)["b_h"], np.eye(3, dtype=bool))


@pytest.mark.parametrize("size", [5, 200])
def test_token_ids_are_one_hot_vectors(size):
    layer = GRU(size, 3, dtype=np.float64, rng=0)
    rng = np.random.default_rng(0)
    ids, dy = rng.integers(0, size, (T, B)), rng.normal(size=(T, B, 3))
    expected = layer.backward(dy, layer.forward(ids)[2])[2]
    assert_close(dict(ns.snap(layer, ids, dy, n=2).grads), dict(expected), 1e-12)


def test_n_must_be_a_positive_integer():
    x = np.zeros((3, 2, 2))
    for n in (0, 1.0, True):
        with pytest.raises(ValueError, match=f"n must be a positive integer, got {n}"):
            ns.snap(RNN(2, 3, dtype=np.float64), x, x, n=n)
