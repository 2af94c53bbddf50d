"""One strand's pass: what counts at which step, and a leaf of other steps."""

import numpy as np
import pytest

from npseq.diagnosis.steps import VARIANTS, WHEN, Leaves

STEPS = np.arange(1.0, 5).reshape(4, 1, 1)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("before", [1, 1, 2, 3]),
        ("after", [2, 3, 4, 4]),
        ("zero_before", [0, 1, 2, 3]),
        ("zero_after", [2, 3, 4, 0]),
        ("wrapped_before", [4, 1, 2, 3]),
        ("wrapped_after", [2, 3, 4, 1]),
        ("first", [1, 1, 1, 1]),
        ("last", [4, 4, 4, 4]),
        ("from_zero", [0, 2, 3, 4]),
        ("turned", [4, 3, 2, 1]),
    ],
)
def test_a_leaf_of_other_steps(name, expected):
    assert Leaves({"h": STEPS}, {}, None).at("h", name).ravel().tolist() == expected


def test_every_variant_is_tested():
    assert len(VARIANTS) == 10


@pytest.mark.parametrize(
    ("kind", "k", "expected"),
    [
        ("t != k", 1, [1, 0, 1, 1, 1]),
        ("t == k", -1, [0, 0, 0, 0, 1]),
        ("t % k != 0", 2, [0, 1, 0, 1, 0]),
        ("(T - t) % k != 0", 2, [1, 0, 1, 0, 1]),
        ("t > k", 2, [0, 0, 0, 1, 1]),
    ],
)
def test_what_counts_at_which_step(kind, k, expected):
    assert [int(WHEN[kind](t, 5, k)) for t in range(5)] == expected


def test_a_leaf_that_the_tape_lacks_is_refused():
    with pytest.raises(LookupError, match="a tape has no 'c'"):
        Leaves({"h": STEPS}, {}, None).at("c")
