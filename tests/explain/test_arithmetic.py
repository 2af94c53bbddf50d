"""Decimal arithmetic rounds as a calculator does, and knows the functions of a cell."""

from decimal import Decimal

import pytest

from npseq.diagnosis.graph import Graph
from npseq.explain.arithmetic import evaluated, rounded, sigmoid, summed, tanh

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
