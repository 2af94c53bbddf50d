"""Expressions of a step: each is one node, however it was written, and can be changed by itself."""

import pytest

from npseq.diagnosis.graph import Graph

LEAVES = {"a", "b", "c", "dh", "W"}


@pytest.fixture
def graph():
    return Graph()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a * b * c", "c * (b * a)"),
        ("a - b + c", "c - (b - a)"),
        ("1 - a * a", "dtanh(a)"),
        ("a - a * a", "dsigmoid(a)"),
        ("b * a * (1 - a)", "dsigmoid(a) * b"),
        ("a * 1 + 0", "a"),
    ],
)
def test_the_same_expression_is_the_same_node(graph, one, other):
    assert graph.parse(one, LEAVES) == graph.parse(other, LEAVES)


TEXTS = ["dh * a", "dh - a", "-dh * b", "W(dh * a)", "W_T(dh)", "dtanh(a) * (1 - b)", "a.first"]


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_printed_is_parsed_as_the_same_node(graph, text):
    node = graph.parse(text, LEAVES)
    assert graph.parse(graph.text(node), LEAVES) == node


def test_what_depends_on_the_step_or_on_a_limit(graph):
    assert graph.nodes[graph.parse("when('t != k', 0, dh)", LEAVES)].args == (("t != k", 0), graph.leaf("dh"))
    assert graph.nodes[graph.parse("clip(0.5, dh)", LEAVES)].args == (0.5, graph.leaf("dh"))


def test_a_name_keeps_its_expression_whole(graph):
    named = graph.name("s", graph.parse("a + b", LEAVES))
    assert graph.text(graph.parse("s + c", LEAVES)) == "s + c"
    assert graph.text(named, named) == "a + b"
    assert graph.reached([graph.parse("s * c", LEAVES)], into_named=False).count(graph.leaf("a")) == 0


def test_an_expression_is_replaced_everywhere(graph):
    a, c = graph.leaf("a"), graph.leaf("c")
    assert graph.replaced(graph.parse("a * b + W(a)", LEAVES), a, c) == graph.parse("c * b + W(c)", LEAVES)


@pytest.mark.parametrize("text", ["spam", "spam(a)", "a / b", "a[0]"])
def test_what_the_graph_has_not_is_refused(graph, text):
    with pytest.raises(LookupError, match=r"there is no|an equation cannot hold"):
        graph.parse(text, LEAVES)


def test_a_function_of_the_first_node_is_not_taken_for_zero():
    graph = Graph()
    assert graph.text(graph.parse("-tanh(c)", {"c"})) == "-tanh(c)"
