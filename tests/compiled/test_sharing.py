"""Columns are shared by as many threads as products have, if that pays; a mistake in one of them is raised."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

pytest.importorskip("numba", reason="the extra `fast` is not installed")

from npseq.compiled.sharing import SMALL, shared


def parts(sequences, operations, threads):
    found = []
    with threadpool_limits(threads, user_api="blas"):
        shared(lambda *given: found.append(given), ("x",), sequences, operations)
    return sorted(found)


@pytest.fixture(autouse=True)
def blas():
    np.ones((2, 2)) @ np.ones((2, 2))


def test_two_threads_share_whole_groups_of_four_columns():
    assert parts(32, SMALL, 2) == [("x", (32, 0, 16)), ("x", (32, 16, 16))]
    assert parts(13, SMALL, 2) == [("x", (13, 0, 8)), ("x", (13, 8, 5))]
    assert parts(4, SMALL, 2) == [("x", (4, 0, 4))]


def test_one_thread_or_little_work_is_one_call():
    assert parts(32, SMALL, 1) == parts(32, SMALL - 1, 2) == [("x", (32, 0, 32))]


def test_a_mistake_on_another_thread_is_raised():
    def fails(of):
        if of[1]:
            raise ZeroDivisionError

    with threadpool_limits(2, user_api="blas"), pytest.raises(ZeroDivisionError):
        shared(fails, (), 32, SMALL)
