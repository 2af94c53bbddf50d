"""The checker catches every wrong backward pass of the zoo, and raises no alarm over the right one."""

from __future__ import annotations

import pytest
from mutants.cases import CASES
from mutants.catalogue import CASE, CATALOGUE, EDITS, MISTAKES, ZOO
from mutants.judges import CHECKERS, JUDGES, judged, verdict
from mutants.mutant import both, edit

from npseq.layers.lstm import LSTMCell


@pytest.mark.parametrize("judge", CHECKERS)
@pytest.mark.parametrize("mutant", CATALOGUE, ids=lambda mutant: mutant.id)
def test_every_mutant_is_caught(mutant, judge):
    """A mutant that raises without meaning to is a mutant that has come apart, and proves nothing."""
    found = judged(mutant, judge, ZOO)
    assert found.startswith("raised") if mutant.raises else found == "caught"


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("case", CASES)
def test_no_false_alarm(case, judge):
    assert verdict(judge, case) == "satisfied"


@pytest.mark.parametrize("judge", [judge for judge in JUDGES if judge not in CHECKERS])
def test_the_other_judges_can_see(judge):
    """Not a number is too much for each of them."""
    assert judged(ZOO["F16"], judge, ZOO) == "caught"


def test_every_published_bug_is_there_once():
    assert len(ZOO) == len(CATALOGUE)
    assert {f"F{k}" for k in range(1, 21)} <= {name.rstrip("ab") for name in ZOO}
    assert all(mutant.where for mutant in CATALOGUE if mutant.id.startswith("F"))


def test_every_case_is_used_and_every_mistake_has_one():
    assert {mutant.case for mutant in CATALOGUE} == CASES.keys()
    assert CASE.keys() == ZOO.keys()


def test_what_is_not_put_in_by_its_numbers_has_none_or_lies_outside_a_layer():
    assert {mistake.id for mistake in MISTAKES if not mistake.has_numbers} == EDITS.keys() - {"F18"}


def test_a_piece_that_is_not_in_the_source_is_refused():
    with pytest.raises(LookupError, match=r"LSTMCell.backward must contain 'dc = dh' exactly once, found 0;"):
        edit(LSTMCell.backward, "dc = dh -> dc = 0")().__enter__()


def test_a_mutant_leaves_no_trace():
    derivatives, backward = LSTMCell.local_derivatives, LSTMCell.backward
    patch = both(edit(LSTMCell.local_derivatives, "s_i *= g -> pass"), edit(LSTMCell.backward, "dc_all * f -> dc_all"))
    with patch():
        assert LSTMCell.local_derivatives is not derivatives
        assert LSTMCell.backward is not backward
    assert (LSTMCell.local_derivatives, LSTMCell.backward) == (derivatives, backward)
