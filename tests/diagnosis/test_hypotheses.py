"""All single mistakes of a layer: the catalogue first, each strand's own after those of all."""

from collections import Counter

import pytest
from diagnosis.cases import CASES

from npseq.diagnosis.hypotheses import edits_of, single_mistakes
from npseq.diagnosis.zoo import CATALOGUE


@pytest.mark.parametrize("name", CASES)
def test_the_catalogue_comes_first_and_costs_least(name):
    found = single_mistakes(CASES[name]().problem)
    known = [mistake for mistake in CATALOGUE if mistake.has_numbers]
    assert [mistake for mistake, _ in found[: len(known)]] == known
    assert all(price == 1 for _, price in found[: len(known)])
    assert min(price for _, price in found[len(known) :]) > 1


def test_a_mistake_is_looked_for_in_each_strand_too():
    found = single_mistakes(CASES["rnn, two layers, both directions, ragged"]().problem)
    ends = Counter(mistake.id.partition(" in the ")[2] for mistake, _ in found)
    assert {end for end in ends if end} >= {
        f"layer {l} {way} direction" for l in (0, 1) for way in ("forward", "reverse")
    }


def test_the_edits_of_a_cell_are_made_once():
    one, other = (CASES["gru after"]().problem.strands[0] for _ in range(2))
    assert edits_of(one) is edits_of(other)
