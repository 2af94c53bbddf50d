"""The cases: their operations counted by hand, the grid's coverage, the problems drawn."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import grid, scaling
from benchmarks.cases import Case, operations
from benchmarks.problem import PADDING, problem, shapes


def test_operations_of_a_step_by_hand():
    """35 * 32 columns, twice 256 * 256 and 28 * 256 multiplications and as many additions, three times each."""
    assert operations(Case("rnn", 35, 32, 28, 256)) == 35 * 32 * 2 * 3 * (256 * 256 + 256 * 28)
    assert operations(Case("rnn", 35, 32, 28, 256), training=False) == 35 * 32 * 2 * (256 * 256 + 256 * 28)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 3 * (4 * 9 + 3 * 5)),
        ({"inputs": "dense", "D": 7}, 3 * (4 * 9 + 3 * 5) + 2 * 4 * 3 * 7),
        ({"inputs": "embedding", "D": 7}, 3 * (4 * 9 + 3 * 5) + 3 * 4 * 3 * 7),
        ({"layers": 2}, 3 * (2 * 4 * 9 + 4 * 9 + 3 * 5)),
        ({"layers": 2, "bidirectional": True}, 3 * (4 * 4 * 9 + 2 * 4 * 3 * 6 + 6 * 5)),
    ],
)
def test_operations_of_other_inputs_and_stacks(options, expected):
    assert operations(Case("lstm", 1, 1, 5, 3, **options)) == 2 * expected


def test_the_grid_covers_every_axis():
    cases = grid.cases()
    assert 60 <= len(cases) <= 100
    assert len({case.name for case in cases}) == len(cases)
    assert {case.cell for case in cases} == {"rnn", "gru", "lstm"}
    assert {case.dtype for case in cases} == {"float32", "float64"}
    assert {case.inputs for case in cases} == {"one-hot", "dense", "embedding"}
    assert {case.layers for case in cases} == {1, 2, 3}
    assert {case.bidirectional for case in cases} == {case.ragged for case in cases} == {False, True}
    assert max(case.V for case in cases) == 10_000
    sizes = {(case.B, case.T, case.H) for case in cases}
    assert {(1, 25, 100), (64, 64, 1024)} <= sizes


def test_the_grid_shares_its_budget():
    cases = grid.cases()
    shares = grid.shares(cases, 100.0)
    assert sum(shares) == pytest.approx(100)
    assert max(shares) < 100 * min(shares)


def test_scaling_reaches_ten_thousand_steps():
    assert max(case.T for case in scaling.cases("rnn", 10_000)["T"]) == 10_000
    assert max(case.T for case in scaling.cases("rnn", 300)["T"]) == 300


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_a_known_exponent_is_found(power):
    rows = [{"size": n, "measured": {"npseq": {"median": 5 * n**power}}} for n in (1, 10, 100, 1000)]
    rows[0]["measured"]["npseq"]["median"] = 400  # what a step costs anyway does not count
    assert scaling.exponent(rows, "npseq") == pytest.approx(power)


def test_a_problem_is_the_same_each_time_and_ragged_targets_end():
    case = Case("gru", 6, 5, 11, 4, "float64", "embedding", 2, True, True, D=3)
    one, other = problem(case), problem(case)
    assert {name: value.shape for name, value in one.params.items()} == shapes(case)
    for name in one.params:
        np.testing.assert_array_equal(one.params[name], other.params[name])
    assert one.lengths.max() == 6
    assert one.lengths.min() >= 1
    for b, length in enumerate(one.lengths):
        assert (one.targets[:length, b] >= 0).all()
        assert (one.targets[length:, b] == PADDING).all()
