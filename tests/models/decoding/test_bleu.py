"""BLEU has the values of d2l and of the lectures."""

from math import exp, sqrt

import pytest

from npseq.models import bleu
from npseq.models.decoding.bleu import ngram_matches


def test_precisions_of_the_notes():
    prediction, label = list("ABBCD"), list("ABCDEF")
    assert [ngram_matches(prediction, label, n) for n in (1, 2, 3, 4)] == [(4, 5), (3, 4), (1, 3), (0, 2)]


def test_short_predictions_pay():
    assert bleu("A B", "A B C D E F", k=2) == pytest.approx(exp(-2), rel=1e-15)
    assert bleu("A B", "A B C D E F", k=2) == pytest.approx(0.1353, abs=5e-5)


def test_scores_of_the_notes():
    assert bleu("il est riche .", "il est calme .", k=2) == pytest.approx(0.658, abs=5e-4)
    assert bleu("il est riche .", "il est calme .", k=2) == pytest.approx(sqrt(3 / 4) * (1 / 3) ** 0.25, rel=1e-15)
    assert bleu("je suis en retard ?", "je suis chez moi .", k=2) == pytest.approx(0.447, abs=5e-4)


def test_what_is_the_same_scores_1():
    assert bleu("va !", "va !", k=2) == 1
    assert bleu("va", "va", k=2) == 1
    assert bleu(["je", "suis", "là"], "je suis là", k=4) == 1


def test_what_has_nothing_in_common_scores_0():
    assert bleu("a b c", "d e f", k=2) == 0
    assert bleu("a c b", "a b c", k=2) == 0
    assert bleu("", "a", k=2) == 0


def test_a_word_of_the_label_counts_once():
    assert ngram_matches(["the"] * 4, ["the", "cat"], 1) == (1, 4)
    assert bleu("the the the the", "the cat", k=1) == pytest.approx(0.5, rel=1e-15)


def test_a_longer_prediction_is_not_punished_for_its_length():
    assert bleu("a b c d", "a b", k=1) == pytest.approx(sqrt(2 / 4), rel=1e-15)


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(ValueError, match="label must hold at least one token, got none"):
        bleu("a", "", k=2)
    with pytest.raises(ValueError, match="k must be a positive integer, got 0"):
        bleu("a", "a", k=0)
