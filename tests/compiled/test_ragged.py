"""Columns of sequences that are over keep or lose their numbers, and no other column does."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def ragged():
    pytest.importorskip("numba", reason="the extra `fast` is not installed")
    from npseq.compiled import ragged

    return ragged


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_over_is_kept_or_cleared(ragged, dtype):
    over = np.array([False, True, True])
    old, new = np.arange(6, dtype=dtype), np.arange(10, 16, dtype=dtype)
    ragged.keep(old, new, over)
    np.testing.assert_array_equal(new, [10, 1, 2, 13, 4, 5])
    ragged.clear(new, over)
    np.testing.assert_array_equal(new, [10, 0, 0, 13, 0, 0])
