"""Small translators, and batches for them."""

import numpy as np

from npseq.models import Seq2Seq

F64 = {"dtype": np.float64}
SOURCE_LENGTHS, TARGET_LENGTHS = np.array([2, 4, 0]), np.array([3, 1, 0])


def small(cell="gru", hidden=2, layers=1, **options):
    return Seq2Seq(4, 5, cell, 2, hidden, layers, rng=1, **{**F64, **options})


def batch(seed=0, steps=(4, 3), size=3, sources=4, targets=5):
    rng = np.random.default_rng(seed)
    return rng.integers(0, sources, (steps[0], size)), rng.integers(0, targets, (steps[1], size))
