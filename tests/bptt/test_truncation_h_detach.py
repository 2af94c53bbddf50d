"""HDetach against the oracle with h held fixed on the edges that were drawn."""

import numpy as np
import pytest
from layers.recurrent_cases import CELLS, assert_close, both_directions, given, make
from oracles import recurrent as oracle

from npseq import LSTM, Bidirectional, HDetach

T, B = 4, 3
LENGTHS = np.array([2, 0, 4])
LSTMS = [cell for cell in CELLS if CELLS[cell][0] is LSTM]


@both_directions
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", LSTMS)
@pytest.mark.parametrize("probability", [0.0, 0.5, 1.0])
def test_h_detach_holds_h_fixed_and_lets_c_through(cell, layers, bidirectional, probability):
    layer = make(cell, size=2, hidden=3, num_layers=layers, bidirectional=bidirectional)
    data = given(layer, T, B)
    drawn = np.random.default_rng(7).random((layers * layer.directions, T)) >= probability
    tape = layer.forward(data.x, data.state, LENGTHS)[2]
    dx, dstate, grads = layer.backward(data.dy, tape, data.dstate, HDetach(probability, 7))
    found = {**grads, "x": dx, "h": dstate[0], "c": dstate[1]}
    network = oracle.Network("lstm", layers, layer.directions)
    at = {**layer.params, "x": data.x, "h": data.state[0], "c": data.state[1]}
    states: dict = {}
    oracle.run(network, at, at["x"], at["h"], at["c"], LENGTHS, oracle.recorder(states))

    def carry(k, b, t, h, c):
        own = T - 1 - t if k % layer.directions else t
        return (h if drawn[k, own] else states[k, b, t][0]), c

    def loss(values):
        out = oracle.run(network, values, values["x"], values["h"], values["c"], LENGTHS, carry)
        ends = zip((out.y, out.h, out.c), (data.dy, *data.dstate), strict=True)
        return sum(oracle.weighted(value, weights) for value, weights in ends)

    assert_close(found, oracle.gradient(loss, at), 1e-12)


@pytest.mark.parametrize("cell", ["rnn tanh", "gru after"])
def test_h_detach_refuses_a_cell_without_c_before_anything_is_computed(cell, monkeypatch):
    """Alone, and as the second of two directions."""
    layer = make(cell, num_layers=1)
    data = given(layer, T, B)
    pair = Bidirectional(make("lstm", num_layers=1), layer)
    tapes = layer.forward(data.x)[2], pair.forward(data.x)[2]
    monkeypatch.setattr("npseq.bptt.loop.backward", lambda *args: pytest.fail("backward has begun"))
    for one, dy, tape in ((layer, data.dy, tapes[0]), (pair, None, tapes[1])):
        with pytest.raises(ValueError, match=r"HDetach needs a cell that has c beside h, an LSTM, got (RNN|GRU)"):
            one.backward(dy, tape, truncation=HDetach(0.5))


def test_a_probability_is_checked_and_shown():
    with pytest.raises(ValueError, match=r"probability must be in \[0, 1\], got 1.5"):
        HDetach(1.5)
    assert repr(HDetach(0.25)) == "HDetach(0.25)"
