"""Token ids: integers that mean one-hot vectors, multiplied where there are few and looked up where there are many."""

from __future__ import annotations

import numpy as np
import pytest
from layers.recurrent_cases import assert_close, assert_same_bits, both_directions, every_cell, given, make, run

from npseq.bptt import tape
from npseq.layers import strands

T, B = 4, 3
LENGTHS = np.array([2, 4, 1])
both_paths = pytest.mark.parametrize("limit", [0, 100], ids=["looked up", "multiplied"])


@every_cell
@both_directions
@pytest.mark.parametrize("bias", [True, False])
@both_paths
@pytest.mark.parametrize("dtype", [np.int64, np.uint8])
def test_ids_mean_one_hot_vectors(cell, bidirectional, bias, limit, dtype, monkeypatch):
    monkeypatch.setattr(strands, "LOOK_UP_ABOVE", limit)
    layer = make(cell, size=5, bidirectional=bidirectional, bias=bias)
    ids = np.array([[0, 4, 2], [0, 1, 3], [4, 0, 1], [2, 0, 1]], dtype)
    data = given(layer, T, B)
    for lengths in (None, LENGTHS):
        expected = run(layer, data._replace(x=np.eye(5)[ids]), lengths)
        found = run(layer, data._replace(x=ids), lengths)
        assert found.pop("dx") is None
        assert_close(found, {name: expected[name] for name in found}, 1e-12)


def test_ids_changed_after_forward_do_not_change_the_gradient(monkeypatch):
    monkeypatch.setattr(strands, "LOOK_UP_ABOVE", 0)
    layer = make("lstm", size=5)
    ids, data = np.array([[0, 4, 2], [0, 1, 3]]), given(layer, 2, 3)
    _, _, tape = layer.forward(ids)
    expected = layer.backward(data.dy, tape)[2].flat
    ids[...] = 0
    np.testing.assert_array_equal(layer.backward(data.dy, tape)[2].flat, expected)


@every_cell
@both_paths
def test_ids_past_a_length_may_be_anything(cell, limit, monkeypatch):
    monkeypatch.setattr(strands, "LOOK_UP_ABOVE", limit)
    layer = make(cell, size=6, bidirectional=True)
    data, ids = given(layer, T, B), np.random.default_rng(0).integers(6, size=(T, B))
    padded = np.arange(T)[:, None] >= LENGTHS
    clean = run(layer, data._replace(x=ids), LENGTHS)
    for value in (-1, -100, 6, 10**9):
        found = run(layer, data._replace(x=np.where(padded, value, ids)), LENGTHS)
        assert found.pop("dx") is None
        assert_same_bits(found, {name: array for name, array in clean.items() if name != "dx"})


@every_cell
@both_directions
@pytest.mark.parametrize("as_ids", [True, False], ids=["ids", "features"])
@pytest.mark.parametrize("bias", [True, False])
def test_one_sequence_may_meet_its_inputs_ahead(cell, bidirectional, as_ids, bias, monkeypatch):
    layer, ids = make(cell, size=5, bidirectional=bidirectional, bias=bias), np.array([[0], [4], [0], [2]])
    data = given(layer, T, 1)._replace(x=ids if as_ids else np.eye(5)[ids])
    for lengths in (None, np.array([3])):
        monkeypatch.setattr(tape, "LARGE", 1 << 14)
        expected = run(layer, data, lengths)
        monkeypatch.setattr(tape, "LARGE", 0)
        found = run(layer, data, lengths)
        assert (found["dx"] is None) == as_ids
        compared = {name for name, array in expected.items() if array is not None}
        assert_close(*({name: one[name] for name in compared} for one in (found, expected)), 1e-13)
