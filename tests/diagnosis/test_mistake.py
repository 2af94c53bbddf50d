"""A mistake is written in equations; those of another cell change nothing."""

import pytest

from npseq.diagnosis.equations import equations
from npseq.diagnosis.mistake import Match, Mistake, SumChange, every, matching, rewrites_of
from npseq.layers.lstm import LSTMCell


@pytest.mark.parametrize("peepholes", [False, True])
def test_a_term_in_brackets_is_that_of_a_variant(peepholes):
    own = equations(LSTMCell(peepholes=peepholes), False, True)
    found = rewrites_of(Mistake("", "", step=("dc = dc_all [+ da_i * p_i + da_f * p_f]",)), own)
    assert found == {own.graph.names["dc"]: own.parse("dc_all + da_i * p_i + da_f * p_f" if peepholes else "dc_all")}


def test_every_one_of_an_operation():
    own = equations(LSTMCell(), False, True)
    found = rewrites_of(Mistake("", "", rewrites=every("dsigmoid", "1 - _")), own)
    assert {own.graph.text(node): own.graph.text(other) for node, other in found.items()} == {
        f"dsigmoid({gate})": f"1 - {gate}" for gate in "oif"
    }


def test_a_right_equation_changes_nothing():
    own = equations(LSTMCell(), False, True)
    assert rewrites_of(Mistake("", "", step=("dc = f * dc_all",)), own) == {}


def test_an_id_of_the_catalogue_is_shown():
    assert Mistake("F16", "wrong").text == "F16: wrong"
    assert Mistake("da_f = 0", "wrong").text == "wrong"
    both = Match((Mistake("G1", "one"), Mistake("x", "two")), 2.0)
    assert (both.id, both.text) == ("G1 + x", "2 mistakes at once: G1: one; and two")


def test_patterns():
    assert matching("W_h*", ["W_hf", "W_xf"]) == ["W_hf"]
    assert matching("x", ["h0"]) == ["x"]


@pytest.mark.parametrize(
    ("operand", "of", "reads"),
    [("", "h", "h"), ("h_new for h", "h", "h_new"), ("h_new for h", "x", "x"), ("{}.first for {}", "x", "x.first")],
)
def test_another_operand(operand, of, reads):
    change = SumChange(operand)
    assert change.reads(of) == reads
    assert change.is_another_sum(of) is (reads != of)
