"""RFLO is the gradient with the h that gates read held fixed, and Murray's rule on Murray's network."""

from __future__ import annotations

import numpy as np
import pytest
from layers.recurrent_cases import CELLS, assert_close, given, make
from oracles.recurrent import STEPS, affine, gradient, sigmoid, weighted

import npseq as ns
from npseq import GRU, LSTM

T, B = 5, 3
LENGTHS = np.array([3, 0, 5])
ragged = pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "ragged"])


@pytest.mark.parametrize("cell", ["gru after", "gru before"])
@ragged
def test_it_is_the_gradient_with_the_h_that_gates_read_held_fixed(cell, lengths):
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


def test_it_is_murrays_rule_on_murrays_network():
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
def test_of_a_plain_network_it_is_the_gradient_within_each_step(cell, lengths):
    layer = make(cell, num_layers=1)
    data = given(layer, T, B)
    tape = layer.forward(data.x, data.state, lengths)[2]
    expected = layer.backward(data.dy, tape, data.dstate, ns.Truncated(1))[2]
    found = ns.rflo(layer, data.x, data.dy, data.state, lengths, data.dstate)
    assert_close(dict(found.grads), dict(expected), 1e-12)


def test_an_lstm_and_a_stack_are_refused():
    for layer in (LSTM(2, 3, dtype=np.float64), GRU(2, 3, num_layers=2, dtype=np.float64)):
        with pytest.raises(
            ValueError, match=r"rflo is for one layer of GRU, .*, got .* CarouselTruncation\(\), and for"
        ):
            ns.rflo(layer, np.zeros((3, 2, 2)), np.zeros((3, 2, 3)))
