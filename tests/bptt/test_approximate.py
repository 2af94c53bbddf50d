"""SnAp-n and RFLO: equal to RTRL where they must be, elsewhere to matrices and to losses with h held fixed."""

from __future__ import annotations

import numpy as np
import pytest
from layers.recurrent_cases import CELLS, assert_close, every_cell, given, make, parts
from oracles.recurrent import STEPS, affine, gradient, sigmoid, weighted

import npseq as ns
from npseq import GRU, LSTM, RNN, Bidirectional
from npseq.online.snap import pattern

T, B, H = 5, 3, 5
LENGTHS = np.array([3, 0, 5])
ragged = pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "ragged"])
both = pytest.mark.parametrize("method", [ns.snap, ns.rflo])


def ring(n=H):
    """Each unit hears the one before it alone."""
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
def test_snap_of_as_many_steps_as_there_are_is_rtrl(cell, layers, lengths):
    layer = make(cell, num_layers=layers)
    data = given(layer, T, B)
    exact = ns.rtrl(layer, data.x, data.dy, data.state, lengths, data.dstate)
    found = ns.snap(layer, data.x, data.dy, data.state, lengths, data.dstate, n=T)
    assert_close(dict(found.grads), dict(exact.grads), 1e-12)
    np.testing.assert_array_equal(found.y, exact.y)
    for a, b in zip(parts(found.state), parts(exact.state), strict=True):
        np.testing.assert_array_equal(a, b)


@every_cell
def test_of_dense_weights_two_steps_reach_everything(cell):
    layer = make(cell, num_layers=1)
    data = given(layer, T, B)
    exact, found, one = (
        method.grads for method in (ns.rtrl(layer, data.x, data.dy, data.state),
                                    *(ns.snap(layer, data.x, data.dy, data.state, n=n) for n in (2, 1)))
    )  # fmt: skip
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
def test_around_a_ring_every_further_step_reaches_one_unit_more(cell):
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


def test_snap_against_scalar_loops():
    """A sparse plain network: S entry by entry, kept where a walk of fewer than n edges leads from the unit that the
    weight feeds to the unit that is asked."""
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
            slope = [1 - value**2 for value in after]
            inputs = {"W_xh": data.x[t, 0], "W_hh": h, "b_h": None}
            new = {}
            for name, index, j in S:
                own = 1.0 if inputs[name] is None else inputs[name][index[0]]
                carried = sum(p["W_hh"][i, j] * S[name, index, i] for i in units)
                kept = (index[-1], j) in reach
                new[name, index, j] = slope[j] * (carried + own * (index[-1] == j)) if kept else 0.0
            S, h = new, after
            for name, index, j in S:
                total[name][index] += data.dy[t, 0, j] * S[name, index, j]
        found = ns.snap(layer, data.x, data.dy, data.state, n=n)
        assert_close(dict(found.grads), total, 1e-12)


def test_a_relu_at_rest_hides_no_path():
    """The pattern is of weights, not of the numbers at hand."""
    layer = RNN(2, 3, nonlinearity="relu", dtype=np.float64, rng=0)
    layer.params["b_h"] = np.full(3, -100.0)
    assert pattern(layer, 2)["W_xh"].all()
    layer.params.flat[:] = 0
    np.testing.assert_array_equal(pattern(layer, 5)["b_h"], np.eye(3, dtype=bool))


@pytest.mark.parametrize("cell", ["gru after", "gru before"])
@ragged
def test_rflo_is_the_gradient_with_the_h_that_gates_read_held_fixed(cell, lengths):
    layer = make(cell, size=2, hidden=3, num_layers=1)
    data = given(layer, T, B)
    own = [T] * B if lengths is None else lengths
    p0, name = {name: value.copy() for name, value in layer.params.items()}, CELLS[cell][2]
    states = []
    for b in range(B):
        states.append([list(data.state[0, b])])
        for t in range(own[b]):
            states[b].append(STEPS[name](p0, data.x[t, b], states[b][-1], None)[0])

    def loss(p):
        total = 0.0
        for b in range(B):
            h = states[b][0]
            for t in range(own[b]):
                fixed, x = states[b][t], data.x[t, b]
                z = [sigmoid(affine(p, "z", x, fixed, j)) for j in range(3)]
                step = STEPS[name](p, x, fixed, None)[0]
                h = [step[j] + z[j] * (h[j] - fixed[j]) for j in range(3)]
                total = total + weighted(h, data.dy[t, b])
            total = total + weighted(h, data.dstate[0, b])
        return total

    found = ns.rflo(layer, data.x, data.dy, data.state, lengths, data.dstate)
    assert_close(dict(found.grads), gradient(loss, p0), 1e-12)


def test_rflo_is_murrays_rule_on_murrays_network():
    """h_t = (1 - a) h_{t-1} + a tanh(u_t), and for the weight from unit k to unit j the trace
    p_t = (1 - a) p_{t-1} + a tanh'(u_{t,j}) h_{t-1,k}: a GRU whose gates are constant."""
    layer, alpha = GRU(2, 3, dtype=np.float64, rng=0), 0.3
    for name in ("W_xz", "W_hz", "W_xr", "W_hr"):
        layer.params[name] = 0 * layer.params[name]
    layer.params["b_z"], layer.params["b_r"] = np.full(3, np.log((1 - alpha) / alpha)), np.full(3, 100.0)
    data, p = given(layer, 8, 1), layer.params
    h, trace, total = data.state[0, 0], np.zeros((3, 3)), np.zeros((3, 3))
    for t in range(8):
        u = data.x[t, 0] @ p["W_xn"] + h @ p["W_hn"] + p["b_n"] + p["b_hn"]
        trace = (1 - alpha) * trace + alpha * np.outer(h, 1 - np.tanh(u) ** 2)
        h = (1 - alpha) * h + alpha * np.tanh(u)
        total += trace * data.dy[t, 0]
    found = ns.rflo(layer, data.x, data.dy, data.state)
    np.testing.assert_allclose(found.y[-1, 0], h, rtol=1e-13)
    np.testing.assert_allclose(found.grads["W_hn"], total, rtol=0, atol=1e-12 * np.abs(total).max())


@ragged
@pytest.mark.parametrize("cell", ["rnn tanh", "rnn relu"])
def test_rflo_of_a_plain_network_is_its_own_step_alone(cell, lengths):
    layer = make(cell, num_layers=1)
    data = given(layer, T, B)
    tape = layer.forward(data.x, data.state, lengths)[2]
    expected = layer.backward(data.dy, tape, data.dstate, ns.Truncated(1))[2]
    found = ns.rflo(layer, data.x, data.dy, data.state, lengths, data.dstate)
    assert_close(dict(found.grads), dict(expected), 1e-12)


@both
def test_they_go_on_where_they_ended_and_losses_may_be_known_only_then(method):
    layer = make("gru after", num_layers=1)
    data = given(layer, T, B)
    whole = method(layer, data.x, lambda t, y: (t + 1) * y, data.state)
    first = method(layer, data.x[:2], lambda t, y: (t + 1) * y, data.state)
    rest = method(layer, data.x[2:], lambda t, y: (t + 3) * y, first.state, influence=first.influence)
    np.testing.assert_allclose(first.grads.flat + rest.grads.flat, whole.grads.flat, rtol=1e-12, atol=1e-15)


@both
def test_a_dtype_stays_and_nothing_is_written_on(method):
    layer = make("gru before", dtype=np.float32, num_layers=1)
    data = given(layer, T, B)
    kept = [array.copy() for array in (layer.params.flat, data.x, data.dy, data.state)]
    found = method(layer, data.x, data.dy, data.state)
    assert {found.grads.flat.dtype, found.y.dtype, found.state.dtype} == {np.dtype(np.float32)}
    assert {part.dtype for part in found.influence.values()} == {np.dtype(np.float32)}
    for array, before in zip((layer.params.flat, data.x, data.dy, data.state), kept, strict=True):
        np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("size", [5, 200])
def test_token_ids(size):
    layer = GRU(size, 3, dtype=np.float64, rng=0)
    rng = np.random.default_rng(0)
    ids, dy = rng.integers(0, size, (T, B)), rng.normal(size=(T, B, 3))
    expected = layer.backward(dy, layer.forward(ids)[2])[2]
    assert_close(dict(ns.snap(layer, ids, dy, n=2).grads), dict(expected), 1e-12)


@both
@pytest.mark.parametrize(("steps", "batch"), [(0, 2), (2, 0), (1, 1)])
def test_small_sizes(method, steps, batch):
    layer = make("gru after", num_layers=1)
    data = given(layer, steps, batch)
    found = method(layer, data.x, data.dy, data.state, dstate=data.dstate)
    assert found.y.shape == (steps, batch, 4)
    assert (steps * batch == 0) == (not found.grads.flat.any())


def test_refusals():
    x = np.zeros((3, 2, 2))
    pair = Bidirectional(LSTM(2, 3, dtype=np.float64), LSTM(2, 3, dtype=np.float64))
    for layer in (RNN(2, 3, bidirectional=True, dtype=np.float64), pair):
        for method in (ns.snap, ns.rflo):
            with pytest.raises(ValueError, match=f"{method.__name__} needs a layer of one direction, got .*"):
                method(layer, x, x)
    for n in (0, 1.0, True):
        with pytest.raises(ValueError, match=f"n must be an integer of at least 1, the step's own, got {n}"):
            ns.snap(RNN(2, 3, dtype=np.float64), x, x, n=n)
    for layer in (LSTM(2, 3, dtype=np.float64), GRU(2, 3, num_layers=2, dtype=np.float64)):
        with pytest.raises(
            ValueError, match=r"rflo is for one layer of GRU, .*, got .* CarouselTruncation\(\), and for"
        ):
            ns.rflo(layer, x, np.zeros((3, 2, 3)))
    big, far = GRU(64, 256, rng=0), np.zeros((10, 32, 64), np.float32)
    for method in (ns.snap, ns.rflo):
        with pytest.raises(MemoryError, match=f"{method.__name__}'s influence of .* would need about .*or use uoro"):
            method(big, far, np.zeros((10, 32, 256), np.float32))
