"""The paths of an LSTM's cell state against the chain of Jacobians and the forget gates."""

import numpy as np
import pytest
from layers.recurrent_cases import CELLS, both_directions, given, make

from npseq import LSTM
from npseq.inspect import path_split, state_jacobians

T, B = 4, 3
LENGTHS = np.array([2, 0, 4])
LSTMS = [cell for cell in CELLS if CELLS[cell][0] is LSTM]


@both_directions
@pytest.mark.parametrize("cell", LSTMS)
def test_paths_of_the_cell_state(cell, bidirectional):
    """The total by the chain of Jacobians; the carousel by the forget gates, step by step."""
    layer = make(cell, size=2, hidden=3, num_layers=2, bidirectional=bidirectional)
    data = given(layer, T, B)
    tape = layer.forward(data.x, data.state, LENGTHS)[2]
    found = path_split(layer, tape)
    assert set(found) == {f"c{l}{d}" for l in ("", "_l1") for d in ("", "_reverse")[: layer.directions]}
    one = make(cell, size=2, hidden=3, num_layers=1)
    for name in one.params:
        one.params[name] = layer.params[name]
    state = tuple(part[:1] for part in data.state)
    one_tape = one.forward(data.x, state, LENGTHS)[2]
    J, P, H = state_jacobians(one, one_tape), one.state_size, 3
    strand = one_tape.strands[0][0]
    o, _, f, _ = np.moveaxis(strand.a, 1, 0)
    for b, own in enumerate(LENGTHS):
        assert np.isnan(found["c"].total[own:, b]).all()
        for t in range(own):
            c = strand.c[t + 1, :, b]
            dm = o[t, :, b] * (1 - np.tanh(c) ** 2)
            if "peepholes" in CELLS[cell][1]:
                dm = dm + np.tanh(c) * o[t, :, b] * (1 - o[t, :, b]) * one.params["p_o"]
            dh = np.diag(dm) if "proj_size" not in CELLS[cell][1] else (one.params["W_hp"].T * dm)
            chain = np.concatenate([dh, np.eye(H)])
            for s in range(t + 1, own):
                chain = J[s, b] @ chain
            direct = np.prod(f[t + 1 : own, :, b], axis=0)
            total = chain[P:]
            assert found["c"].total[t, b] == pytest.approx(np.linalg.norm(total), rel=1e-12)
            assert found["c"].carousel[t, b] == pytest.approx(np.linalg.norm(direct), rel=1e-12)
            rest = np.linalg.norm(total - np.diag(direct))
            assert found["c"].gates[t, b] == pytest.approx(rest, rel=1e-11, abs=1e-13)
    assert (found["c"].share[~np.isnan(found["c"].share)] <= 1).all()
    last = [found["c"].share[LENGTHS[b] - 1, b] for b in (0, 2)]
    np.testing.assert_allclose(last, 1, rtol=1e-14)


def test_another_cell_and_too_little_memory_are_refused():
    lstm, gru = make("lstm", bidirectional=True), make("gru after", num_layers=1)
    x = given(gru, T, B).x
    with pytest.raises(TypeError, match="the paths are those of an LSTM's cell state, got GRU"):
        path_split(gru, gru.forward(x)[2])
    with pytest.raises(MemoryError, match="this split would need about"):
        path_split(lstm, lstm.forward(x)[2], max_bytes=100)
