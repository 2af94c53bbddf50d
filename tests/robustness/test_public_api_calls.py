"""10,000 random calls of the public API end in a right answer or a clear error."""

from __future__ import annotations

import numpy as np
import pytest
from robustness.public_api_calls import arguments, cases, judge

CASES = cases()


def unclear(count, seed):
    """What random calls did that they may not do: [(case, seed of the call, what)]."""
    found = []
    for k in range(count):
        case = CASES[k % len(CASES)]
        rng = np.random.default_rng([seed, k])
        given, is_odd = arguments(case, rng)
        if happened := judge(case, given, is_odd):
            found.append((case.name, [seed, k], happened))
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_good_arguments_are_accepted(case):
    for seed in range(2):
        happened = judge(case, case.good(np.random.default_rng(seed)), is_odd=False)
        assert happened == ""


def test_some_random_calls_end_well():
    found = unclear(5 * len(CASES), seed=1)
    assert not found, "\n".join(map(str, found))


@pytest.mark.slow
def test_ten_thousand_random_calls_end_well():
    found = unclear(10_000, seed=0)
    assert not found, f"{len(found)} of 10,000:\n" + "\n".join(map(str, found[:50]))
