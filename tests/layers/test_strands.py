"""Strands before they run: inputs, biases, lengths and the first state."""

import numpy as np
import pytest
from layers.recurrent_cases import make

from npseq.layers import strands
from npseq.layers.batch import check_batch
from npseq.layers.strands import filled_strand, last_state, write_state

IDS = np.array([[0, 3], [2, 1], [4, 4]])


def filled(x, lengths=None, d=0, **options):
    layer = make("lstm", size=5, hidden=2, bidirectional=True, **options)
    batch = check_batch(x, lengths, 5, layer.dtype, np)
    features = [] if batch.is_ids else [batch.x.swapaxes(1, 2)]
    return filled_strand(layer, layer.weights(0, d), 0, d, features, batch, None)


@pytest.mark.parametrize("d", [0, 1], ids=["forward", "reverse"])
@pytest.mark.parametrize("bias", [True, False])
def test_ids_are_one_hot_columns_below_a_one_where_there_are_biases(d, bias):
    strand = filled(IDS, d=d, bias=bias)
    expected = np.eye(5)[IDS[::-1] if d else IDS].swapaxes(1, 2)
    np.testing.assert_array_equal(strand.s[:3, 2 + bias :], expected)
    assert (strand.s[:, 2 : 2 + bias] == 1).all()


def test_many_tokens_are_looked_up(monkeypatch):
    monkeypatch.setattr(strands, "LOOK_UP_ABOVE", 4)
    strand = filled(IDS)
    np.testing.assert_array_equal(strand.ids, IDS)
    assert strand.s.shape == (4, 2, 2)


def test_what_lies_past_a_length_is_zero_whatever_it_was():
    x = np.full((3, 2, 5), np.nan)
    x[:2, 0] = x[:, 1] = 7
    strand = filled(x, np.array([2, 3]))
    np.testing.assert_array_equal(strand.s[:3, 3:, 0], np.array([[7.0], [7.0], [0.0]]) * np.ones(5))
    assert strand.ragged == (False, False, True)
    assert not strand.mask[2, 0, 0]


def test_the_first_state_is_written_features_first():
    strand, h, c = filled(IDS), np.arange(4.0).reshape(2, 2), np.arange(4.0, 8).reshape(2, 2)
    write_state(strand, 2, h, c)
    np.testing.assert_array_equal(strand.s[0, :2], h.T)
    np.testing.assert_array_equal(strand.c[0], c.T)


def test_the_state_of_a_sequence_without_steps_stays_off_the_tape_and_is_handed_on():
    strand, h = filled(IDS), np.array([[1.0, 2.0], [np.nan, np.inf]])
    started = np.array([True, False])
    write_state(strand, 2, h, h, started)
    np.testing.assert_array_equal(strand.s[0, :2], [[1, 0], [2, 0]])
    write_state(strand, 2, np.abs(h.T), np.abs(h.T), np.array([False, True]))
    np.testing.assert_array_equal(strand.s[0, :2], [[1, 2], [0, np.inf]])
    strand.s[-1, :2], strand.c[-1] = [[5, 0], [6, 0]], [[7, 0], [8, 0]]
    last_h, last_c = last_state([strand], 2, h[None], h[None], started)
    np.testing.assert_array_equal(last_h, [[[5, 6], [np.nan, np.inf]]])
    np.testing.assert_array_equal(last_c, [[[7, 8], [np.nan, np.inf]]])
