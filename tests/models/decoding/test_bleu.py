"""BLEU has the values of d2l and of the lectures."""

import random
from math import exp, log, prod, sqrt

import pytest

from npseq.models import d2l_bleu
from npseq.models.decoding.bleu import ngram_matches


def test_precisions_of_the_notes():
    prediction, label = list("ABBCD"), list("ABCDEF")
    assert [ngram_matches(prediction, label, n) for n in (1, 2, 3, 4)] == [(4, 5), (3, 4), (1, 3), (0, 2)]


def test_short_predictions_pay():
    assert d2l_bleu("A B", "A B C D E F", k=2) == pytest.approx(exp(-2), rel=1e-15)
    assert d2l_bleu("A B", "A B C D E F", k=2) == pytest.approx(0.1353, abs=5e-5)


def test_scores_of_the_notes():
    assert d2l_bleu("il est riche .", "il est calme .", k=2) == pytest.approx(0.658, abs=5e-4)
    assert d2l_bleu("il est riche .", "il est calme .", k=2) == pytest.approx(sqrt(3 / 4) * (1 / 3) ** 0.25, rel=1e-15)
    assert d2l_bleu("je suis en retard ?", "je suis chez moi .", k=2) == pytest.approx(0.447, abs=5e-4)


def test_what_is_the_same_scores_1():
    assert d2l_bleu("va !", "va !", k=2) == 1
    assert d2l_bleu("va", "va", k=2) == 1
    assert d2l_bleu(["je", "suis", "là"], "je suis là", k=4) == 1


def test_what_has_nothing_in_common_scores_0():
    assert d2l_bleu("a b c", "d e f", k=2) == 0
    assert d2l_bleu("a c b", "a b c", k=2) == 0
    assert d2l_bleu("", "a", k=2) == 0


def test_a_word_of_the_label_counts_once():
    assert ngram_matches(["the"] * 4, ["the", "cat"], 1) == (1, 4)
    assert d2l_bleu("the the the the", "the cat", k=1) == pytest.approx(0.5, rel=1e-15)


def test_a_longer_prediction_is_not_punished_for_its_length():
    assert d2l_bleu("a b c d", "a b", k=1) == pytest.approx(sqrt(2 / 4), rel=1e-15)


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(ValueError, match="label must hold at least one token, got none"):
        d2l_bleu("a", "", k=2)
    with pytest.raises(ValueError, match="k must be a positive integer, got 0"):
        d2l_bleu("a", "a", k=0)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_sacrebleu_counts_the_same_and_weighs_otherwise(k):
    """An oracle of the counts and of the penalty; d2l's weights are 1 / 2^n where the published ones are 1 / k."""
    sacrebleu = pytest.importorskip("sacrebleu")
    rng, seen = random.Random(0), 0
    for _ in range(100):
        label, prediction = (rng.choices("ab", k=rng.randint(k, 9)) for _ in range(2))
        metric = sacrebleu.BLEU(max_ngram_order=k, smooth_method="none", tokenize="none", force=True)
        other = metric.corpus_score([" ".join(prediction)], [[" ".join(label)]])
        assert list(zip(other.counts, other.totals, strict=True)) == [
            ngram_matches(prediction, label, n) for n in range(1, k + 1)
        ]
        precisions = [count / total for count, total in zip(other.counts, other.totals, strict=True)]
        expected = other.bp * prod(p ** (1 / 2**n) for n, p in enumerate(precisions, 1))
        assert d2l_bleu(prediction, label, k) == pytest.approx(expected, rel=1e-14)
        if min(precisions) > 0:
            assert other.score / 100 == pytest.approx(other.bp * exp(sum(map(log, precisions)) / k), rel=1e-12)
            seen += 1
    assert seen > 20


def test_several_texts_are_no_tokens():
    with pytest.raises(ValueError, match="prediction must be one text, got a list with 'il est'; take the mean"):
        d2l_bleu(["il est", "va !"], ["il est", "va !"], k=2)
    assert d2l_bleu(list("il est"), list("il est"), k=2) == 1
