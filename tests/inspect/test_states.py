"""States, gates and adjoints by name, against forward's outputs and each cell's last equation."""

import numpy as np
from layers.recurrent_cases import CELLS, assert_close, both_directions, every_cell
from ledger_cases import LENGTHS, B, T, case, depths

from npseq.inspect import ledger
from npseq.inspect.passes import views_of
from npseq.inspect.states import gates, states


@both_directions
@depths
@every_cell
def test_adjoints_of_the_states_explain_the_gradients_of_the_biases(cell, layers, bidirectional):
    """Each cell's last equation, one sequence: (R2), (G7), (L4) and (L6)."""
    layer, data, tape = case(cell, layers, bidirectional, batch=1)
    found = ledger(layer, data.dy, tape, data.dstate, pairs=False)
    g, dh, step = found.gates, found.adjoints, found.per_step
    for ending in [n.removeprefix("h") for n in found.states if n.startswith("h")]:
        h, dh = found.states[f"h{ending}"][:, 0], found.adjoints[f"h{ending}"][:, 0]
        if cell == "rnn tanh":
            expected = {f"b_h{ending}": dh * (1 - h**2)}
        elif cell == "rnn relu":
            expected = {f"b_h{ending}": dh * (h > 0)}
        elif "gru" in cell:
            z, n = g[f"z{ending}"][:, 0], g[f"n{ending}"][:, 0]
            expected = {f"b_n{ending}": dh * (1 - z) * (1 - n**2)}
        else:
            i, o, new = (g[f"{gate}{ending}"][:, 0] for gate in "iog")
            c, dc = found.states[f"c{ending}"][:, 0], found.adjoints[f"c{ending}"][:, 0]
            expected = {f"b_g{ending}": dc * i * (1 - new**2)}
            if "proj_size" in CELLS[cell][1]:
                expected[f"W_hp{ending}"] = (o * np.tanh(c))[:, :, None] * dh[:, None]
            else:
                expected[f"b_o{ending}"] = dh * np.tanh(c) * o * (1 - o)
        assert_close({name: step[name] for name in expected}, expected, 1e-12)


@both_directions
def test_states_are_what_forward_returned(bidirectional):
    layer, data, tape = case("lstm", 2, bidirectional, LENGTHS)
    y, (h, c), tape = layer.forward(data.x, data.state, LENGTHS)
    found = ledger(layer, data.dy, tape, pairs=False)
    live = (np.arange(T)[:, None] < LENGTHS)[..., None]
    top = [found.states["h_l1"], found.states["h_l1_reverse"]] if bidirectional else [found.states["h_l1"]]
    np.testing.assert_array_equal(np.concatenate(top, axis=2) * live, y)
    np.testing.assert_array_equal(found.states["h"][-1], h[0])
    np.testing.assert_array_equal(found.states["c"][-1], c[0])
    assert found.states["h"].shape == (T, B, 3)
    endings = ["", "_l1", "_reverse", "_l1_reverse"] if bidirectional else ["", "_l1"]
    assert set(found.gates) == {f"{gate}{ending}" for gate in "oifg" for ending in endings}
    assert not found.adjoints["h"][~live[..., 0]].any()


def test_a_plain_rnn_has_states_and_no_gates():
    layer, _, tape = case("rnn tanh", 2)
    (view,) = views_of(layer, tape)
    assert gates(view) == {}
    assert {name: array.shape for name, array in states(view).items()} == {"h": (T, B, 3), "h_l1": (T, B, 3)}
