"""Threads wait for each other at every meeting, and none goes on before all have come."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("numba", reason="the extra `fast` is not installed")

import numba

from npseq.compiled.meeting import meet


@numba.njit(nogil=True)
def run(given, arrived, part, count):
    """Each writes one more than the least that anyone wrote in the step before."""
    met = 0
    for t in range(len(given) - 1):
        met = meet(arrived, met, count)
        given[t + 1, part] = given[t].min() + 1
    return met


@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_step_sees_all_of_the_step_before(count):
    steps = 300
    given, arrived = np.full((steps, count), -steps), np.zeros(1, np.int64)  # what is not yet written is the least
    given[0] = 0
    with ThreadPoolExecutor(count) as pool:
        met = list(pool.map(lambda part: run(given, arrived, part, count), range(count)))
    np.testing.assert_array_equal(given, np.repeat(np.arange(steps)[:, None], count, axis=1))
    assert set(met) == {0 if count == 1 else (steps - 1) * count}
