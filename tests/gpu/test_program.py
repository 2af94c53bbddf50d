"""An expression is built by NumPy's names, and a truth becomes a number where one is needed."""

from __future__ import annotations

import pytest

from npseq.gpu.program import Expression, Ref, Untraceable, apply, as_number

x, y = Expression("load", (Ref("x"),)), Expression("load", (Ref("y", 1),))
truth = Expression("greater", (x, y))


def test_numpys_two_names_of_an_operation_are_one():
    assert apply("true_divide", (x, y)) == apply("divide", (x, y)) == Expression("divide", (x, y))
    assert apply("invert", (truth,)) == apply("logical_not", (truth,))
    assert apply("bitwise_and", (truth, truth)) == Expression("logical_and", (truth, truth))


def test_a_comparison_is_a_truth_and_a_sum_is_none():
    assert truth.truth
    assert not x.truth
    assert not apply("add", (x, y)).truth


def test_a_truth_is_a_number_where_it_is_added():
    number = Expression("number", (truth,))
    assert as_number(truth) == number
    assert as_number(x) == x
    assert apply("add", (truth, x)) == Expression("add", (number, x))


def test_a_condition_stays_a_truth_and_its_branches_become_numbers():
    assert apply("where", (truth, truth, x)) == Expression("where", (truth, as_number(truth), x))


def test_a_condition_that_is_no_truth_is_refused():
    with pytest.raises(Untraceable, match="where must be of what a comparison gave"):
        apply("where", (x, x, y))
    with pytest.raises(Untraceable, match="logical_and must be of what a comparison gave"):
        apply("logical_and", (truth, x))


def test_an_operation_that_no_kernel_has_is_refused():
    with pytest.raises(Untraceable, match="no kernel has the operation arctan2; there are add, subtract"):
        apply("arctan2", (x, y))
