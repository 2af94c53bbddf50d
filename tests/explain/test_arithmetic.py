"""Decimal arithmetic rounds as a calculator does, and knows the functions of a cell."""

import math
from decimal import Decimal

import pytest

from npseq.diagnosis.graph import Graph
from npseq.explain.arithmetic import cosine, evaluated, rounded, sigmoid, sine, summed, tanh

D = Decimal


@pytest.mark.parametrize(("x", "wanted"), [("0.00005", "0.0001"), ("-0.00005", "-0.0001"), ("-0.00004", "0.0000")])
def test_halves_are_rounded_away_from_zero_and_no_zero_has_a_minus(x, wanted):
    assert str(rounded(D(x), 4)) == wanted


def test_functions_keep_their_digits():
    assert abs(tanh(D(1)) - D("0.76159415595576488811945828260479359041276859725793655159681050")) < D(10) ** -26
    assert sigmoid(D(0)) == D("0.5")


def test_sums_of_operand_times_adjoint():
    pairs = [([D(1), D(2)], [D(3), D(4)]), ([D(1), D(0)], [D(1), D(1)])]
    assert summed(pairs) == [[4, 5], [6, 8]]
    assert summed([(None, [D(3), D(4)]), (None, [D(1), D(1)])]) == [4, 5]


def test_an_operation_that_no_calculator_has_is_refused():
    graph = Graph()
    graph.name("y", graph.add("expm1", graph.leaf("x")))
    with pytest.raises(TypeError, match="cannot hold the operation expm1"):
        evaluated(graph, "y", {"x": [D(1)]}, {})


@pytest.mark.parametrize("x", ["0", "0.5", "-3", "40"])
def test_sines_and_cosines_have_their_digits(x):
    at = D(x)
    assert abs(sine(at) ** 2 + cosine(at) ** 2 - 1) < D(10) ** -26  # the default precision of these sums
    assert abs(float(sine(at)) - math.sin(at)) < 1e-15
    assert abs(float(cosine(at)) - math.cos(at)) < 1e-15


def test_a_mean_over_units_stands_in_each_of_them():
    graph = Graph()
    graph.name("y", graph.add("mean", graph.leaf("x")))
    assert evaluated(graph, "y", {"x": [D(1), D(2), D(6)]}, {}) == [3, 3, 3]
