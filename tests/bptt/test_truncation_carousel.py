"""The LSTM's gradient of 1997 against the oracle with h held fixed, and against the paper's way, forward in time."""

from __future__ import annotations

import numpy as np
import pytest
from layers.recurrent_cases import CELLS, assert_close, both_directions, given, make
from oracles import recurrent as oracle

import npseq as ns

T, B, H = 4, 3, 3
LENGTHS = np.array([2, 0, 4])
LSTMS = [cell for cell in CELLS if cell.startswith("lstm")]


def backward(layer, data, truncation, lengths=None):
    tape = layer.forward(data.x, data.state, lengths)[2]
    dx, dstate, grads = layer.backward(data.dy, tape, data.dstate, truncation)
    return {**grads, "x": dx, "h": dstate[0], "c": dstate[1]}


@both_directions
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", LSTMS)
def test_it_is_the_gradient_of_the_losses_with_h_to_the_gates_held_fixed(cell, layers, bidirectional):
    layer = make(cell, size=2, hidden=H, num_layers=layers, bidirectional=bidirectional)
    data = given(layer, T, B)
    network = oracle.Network("lstm", layers, layer.directions)
    at = {**layer.params, "x": data.x, "h": data.state[0], "c": data.state[1]}
    states: dict = {}
    oracle.run(network, at, at["x"], at["h"], at["c"], LENGTHS, oracle.recorder(states))

    def loss(values):
        frozen = lambda k, b, t, h, c: (states[k, b, t][0], c)  # noqa: E731
        out = oracle.run(network, values, values["x"], values["h"], values["c"], LENGTHS, frozen)
        ends = zip((out.y, out.h, out.c), (data.dy, *data.dstate), strict=True)
        return sum(oracle.weighted(value, weights) for value, weights in ends)

    found = backward(layer, data, ns.CarouselTruncation(), LENGTHS)
    assert_close(found, oracle.gradient(loss, at), 1e-12)
    whole = backward(layer, data, None, LENGTHS)
    assert max(np.abs(found[name] - whole[name]).max() for name in layer.params) > 1e-2


def test_it_is_truncated_rtrl_as_the_paper_has_it():
    """Hochreiter & Schmidhuber 1997, appendix A.1: dc_j/dw is carried forward, scaled by the forget gate; a weight of
    the output gate acts in its own step alone."""
    layer = make("lstm", size=2, hidden=H, num_layers=1)
    data = given(layer, T, 1)
    p, expected = dict(layer.params), {name: np.zeros(value.shape) for name, value in layer.params.items()}
    h, c = data.state[0][0, 0], data.state[1][0, 0]
    trace = {gate: np.zeros((2 + H + 1, H)) for gate in "ifg"}  # dc_j / d(weight from each input to the gate of cell j)
    for t in range(T):
        x = data.x[t, 0]
        a = {gate: x @ p[f"W_x{gate}"] + h @ p[f"W_h{gate}"] + p[f"b_{gate}"] for gate in "ifgo"}
        i, f, o = (1 / (1 + np.exp(-a[gate])) for gate in "ifo")
        g, inputs = np.tanh(a["g"]), np.concatenate([x, h, [1.0]])
        slope = {"i": g * i * (1 - i), "f": c * f * (1 - f), "g": i * (1 - g**2)}
        trace = {gate: trace[gate] * f + np.outer(inputs, slope[gate]) for gate in "ifg"}
        c = f * c + i * g
        h = o * np.tanh(c)
        last = t == T - 1
        q = data.dy[t, 0] + (data.dstate[0][0, 0] if last else 0)
        by_c = q * o * (1 - np.tanh(c) ** 2) + (data.dstate[1][0, 0] if last else 0)
        parts = {gate: trace[gate] * by_c for gate in "ifg"} | {"o": np.outer(inputs, q * np.tanh(c) * o * (1 - o))}
        for gate, part in parts.items():
            expected[f"W_x{gate}"] += part[:2]
            expected[f"W_h{gate}"] += part[2:-1]
            expected[f"b_{gate}"] += part[-1]
    found = backward(layer, data, ns.CarouselTruncation())
    assert_close({name: found[name] for name in expected}, expected, 1e-12)


def test_it_is_h_detach_at_probability_one_and_draws_nothing():
    layer = make("lstm both")
    data = given(layer, T, B)
    found, again = (backward(layer, data, ns.CarouselTruncation(), LENGTHS) for _ in range(2))
    expected = backward(layer, data, ns.HDetach(1.0, 3), LENGTHS)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)
        np.testing.assert_array_equal(again[name], value)
    assert repr(ns.CarouselTruncation()) == "CarouselTruncation()"


def test_where_no_gate_hears_h_it_is_the_whole_gradient():
    layer = make("lstm peepholes", num_layers=1)
    for gate in "ifgo":
        layer.params[f"W_h{gate}"] = np.zeros((4, 4))
    data = given(layer, T, B)
    assert_close(backward(layer, data, ns.CarouselTruncation()), backward(layer, data, None), 1e-14)


@pytest.mark.parametrize("cell", ["rnn tanh", "gru after"])
def test_a_cell_without_c_is_refused(cell):
    layer = make(cell, num_layers=1)
    data = given(layer, T, B)
    tape = layer.forward(data.x)[2]
    with pytest.raises(ValueError, match=r"CarouselTruncation needs a cell that has c beside h, .*, or Truncated\(1\)"):
        layer.backward(data.dy, tape, truncation=ns.CarouselTruncation())
