"""The simplest explanation comes first; one that holds a simpler one is none."""

import numpy as np
import pytest
from diagnosis.cases import CASES

from npseq.diagnosis.given import Given
from npseq.diagnosis.passes import gradients_of
from npseq.diagnosis.search import Search
from npseq.diagnosis.zoo import CATALOGUE

KNOWN = {mistake.id for mistake in CATALOGUE}


def searched(right, wrong):
    return Search(right.problem, {name: Given(value, 1e-9) for name, value in wrong.items()}).matches()


SLOW = [pytest.param(name, marks=pytest.mark.long) for name in ("gru after", "gru before, ragged", "lstm, ragged")]


@pytest.mark.parametrize("name", ["rnn", *SLOW])
def test_every_mistake_of_the_catalogue_is_found_where_it_shows(name):
    """By its own id, or by another of the catalogue that has the same numbers here."""
    right = CASES[name]()
    search = Search(right.problem, {})
    for k, (mistake, _) in enumerate(search.candidates[1 : len(CATALOGUE) + 1], 1):
        wrong = {key: value[k] for key, value in search.found.items()}
        shows = not all(np.allclose(value, right.grads[key], rtol=1e-9) for key, value in wrong.items())
        if shows and all(np.isfinite(value).all() for value in wrong.values()):
            search.compare({key: Given(value, 1e-9) for key, value in wrong.items()})
            (first, *_) = search.matches()
            assert first.mistakes[0] in CATALOGUE or search.candidates[k][0].id not in KNOWN, mistake.id


def test_matches_are_sorted_and_none_holds_another():
    right = CASES["lstm, ragged"]()
    wrong = {key: value[0] for key, value in gradients_of(right.problem, [(CATALOGUE[9],)]).items()}
    matches = searched(right, wrong)
    assert [match.price for match in matches] == sorted(match.price for match in matches)
    assert len({match.id for match in matches}) == len(matches)


def test_right_gradients_have_no_match():
    right = CASES["rnn"]()
    assert searched(right, right.grads) == []
