"""Products have one thread if they are small, or as many as asked for, and all digits unless TF32 is asked for."""

from contextlib import nullcontext

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from npseq.training.config import TrainingConfig
from npseq.training.resources import limited, precision, thread_limit


@pytest.mark.parametrize(
    ("options", "limit"),
    [
        ({"cell": "rnn"}, 1),
        ({}, 1),
        ({"cell": "lstm", "hidden_size": 512}, None),
        ({"cell": "lstm", "hidden_size": 512, "threads": 1}, 1),
        ({"cell": "rnn", "hidden_size": 512}, 1),
        ({"cell": "rnn", "hidden_size": 1024}, None),
        ({"cell": "lstm", "batch_size": 1}, 1),
        ({"cell": "rnn", "threads": 3}, 3),
    ],
)
def test_small_products_have_one_thread_and_large_ones_no_limit(options, limit):
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


def test_the_cores_of_a_rank_limit_products_that_have_no_other_limit():
    np.ones((2, 2)) @ np.ones((2, 2))
    large = TrainingConfig(cell="lstm", hidden_size=512)
    with limited(large, most=1):
        assert {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"} == {1}
    before = threadpool_info()
    with limited(large):
        assert threadpool_info() == before


def test_the_precision_on_a_device_is_that_of_the_configuration_and_a_cpu_has_one(monkeypatch):
    asked = []
    monkeypatch.setattr("npseq.gpu.settings", lambda tf32: asked.append(tf32) or nullcontext())
    for config in (TrainingConfig(), TrainingConfig(device="gpu"), TrainingConfig(device="gpu", tf32=True)):
        with precision(config):
            pass
    assert asked == [False, True]
