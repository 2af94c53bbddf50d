"""Threads of the matrix products: one where they are small, and as many as asked for."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from npseq.training.config import TrainingConfig
from npseq.training.resources import limited, thread_limit


@pytest.mark.parametrize(
    ("options", "limit"),
    [
        ({}, 1),
        ({"cell": "lstm"}, None),
        ({"cell": "lstm", "threads": 1}, 1),
        ({"hidden": 512}, None),
        ({"cell": "lstm", "batch_size": 1}, 1),
        ({"threads": 3}, 3),
    ],
)
def test_the_limit(options, limit):
    assert thread_limit(TrainingConfig(**options)) == limit


def test_the_limit_holds_inside_and_not_after():
    np.ones((2, 2)) @ np.ones((2, 2))

    def threads():
        return [lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"]

    before = threads()
    with limited(TrainingConfig(threads=1)):
        assert set(threads()) == {1}
    assert threads() == before


def test_threads_must_be_a_positive_integer():
    with pytest.raises(ValueError, match="threads must"):
        TrainingConfig(threads=0)
