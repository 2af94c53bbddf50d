"""Batches hold every example once, cut to the longest of them."""

import numpy as np

from npseq.models.examples import Examples

IDS, LENGTHS = np.arange(12).reshape(4, 3), np.array([1, 4, 2])
EXAMPLES = Examples((IDS, np.array([5, 6, 7]), LENGTHS), (1, 0, 0), ((0, 2),))


def test_examples_of_places():
    some = EXAMPLES.of(np.array([2, 0]))
    assert len(some) == 2
    assert some.arrays[0].tolist() == IDS[:, [2, 0]].tolist()
    assert some.arrays[1].tolist() == [7, 5]


def test_a_batch_counts_by_its_losses():
    by_step = Examples((IDS, IDS, LENGTHS), (1, 1, 0), ((0, 2), (1, 2)), targets=1)
    assert [by_step.losses(batch) for batch in by_step.batches(2, np.arange(3))] == [5, 2]
    assert [EXAMPLES.losses(batch) for batch in EXAMPLES.batches(2, np.arange(3))] == [2, 1]
    whole = Examples((IDS, IDS, None), (1, 1, 0), ((0, 2), (1, 2)), targets=1)
    assert [whole.losses(batch) for batch in whole.batches(2, np.arange(3))] == [8, 4]


def test_lengths_may_be_a_mask_with_gaps():
    mask = np.array([[True, True, True], [False, True, False], [True, False, True], [False, False, False]])
    (batch,) = Examples((IDS, mask), (1, 0), ((0, 1),)).batches(2, np.array([2, 0]))
    assert batch[0].shape == (4, 2)
    assert batch[1].tolist() == mask[:, [2, 0]].tolist()


def test_batches_are_as_long_as_their_longest():
    batches = list(EXAMPLES.batches(2, np.array([2, 0, 1])))
    assert [batch[0].shape for batch in batches] == [(2, 2), (4, 1)]
    assert [batch[1].tolist() for batch in batches] == [[7, 5], [6]]
    whole = Examples((IDS, None, None), (1, 0, 0), ((0, 2),))
    assert [batch[0].shape for batch in whole.batches(3, np.arange(3))] == [(4, 3)]
