"""Norms of single examples' gradients against those gradients."""

import numpy as np
import pytest
from layers.recurrent_cases import assert_close, both_directions, every_cell, given, make

from npseq import LSTM, RNN
from npseq.inspect import ghost_norms, ledger

T, B = 4, 2
LENGTHS = np.array([2, 4])


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "ragged"])
@both_directions
@every_cell
def test_ghost_norms_are_the_norms_of_the_gradients_of_single_examples(cell, bidirectional, lengths):
    layer = make(cell, size=2, hidden=3, bidirectional=bidirectional)
    data = given(layer, T, B)
    tape = layer.forward(data.x, data.state, lengths)[2]
    found = ghost_norms(layer, data.dy, tape, data.dstate)
    gradients = ledger(layer, data.dy, tape, data.dstate, pairs=False).per_example
    norms = {name: np.sqrt((g.reshape(B, -1) ** 2).sum(axis=1)) for name, g in gradients.items()}
    assert_close(found, norms, 1e-12)


@pytest.mark.parametrize("size", [5, 200])
def test_ghost_norms_of_token_ids(size):
    layer = LSTM(size, 3, dtype=np.float64, rng=0)
    rng = np.random.default_rng(0)
    ids, dy = rng.integers(0, 4, (T, B)), rng.normal(size=(T, B, 3))
    tape = layer.forward(ids)[2]
    gradient = ledger(layer, dy, tape, pairs=False).per_example["W_xf"]
    norms = np.sqrt((gradient.reshape(B, -1) ** 2).sum(axis=1))
    np.testing.assert_allclose(ghost_norms(layer, dy, tape, names="W_xf")["W_xf"], norms, rtol=1e-12)


def test_the_tables_are_not_allocated_past_max_bytes():
    layer = RNN(2, 3, dtype=np.float64, rng=0)
    with pytest.raises(MemoryError, match=r"these norms would need about .*; give fewer sequences at a time"):
        ghost_norms(layer, np.zeros((100, 4, 3)), layer.forward(np.zeros((100, 4, 2)))[2], max_bytes=1000)
