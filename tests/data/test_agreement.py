"""Sentences whose verb agrees with a distant subject."""

import numpy as np
import pytest

from npseq.data import AGREEMENT_VOCABULARY, agreement_sentences


@pytest.mark.parametrize("lag", [1, 2, 7])
def test_a_sentence_has_its_lag_between_subject_and_verb(lag):
    ids, plural = agreement_sentences(50, lag, rng=0)
    assert ids.shape == (lag + 2, 50)
    assert plural.shape == (50,)
    words = np.array(AGREEMENT_VOCABULARY.tokens)[ids]
    assert set(words[0]) == {"the"}
    np.testing.assert_array_equal(words[1], np.where(plural == 1, "cats", "cat"))
    assert set(words[2]) == {"which"}


def test_the_words_between_say_nothing_about_the_subject():
    ids, plural = agreement_sentences(2000, 6, rng=0)
    for word in AGREEMENT_VOCABULARY[["apple", "apples", "mouse", "mice"]]:
        seen = (ids[3:] == word).any(axis=0)
        assert abs(plural[seen].mean() - plural[~seen].mean()) < 0.1


def test_the_same_seed_gives_the_same_sentences():
    np.testing.assert_array_equal(agreement_sentences(9, 4, rng=3)[0], agreement_sentences(9, 4, rng=3)[0])
    assert (agreement_sentences(9, 4, rng=3)[0] != agreement_sentences(9, 4, rng=4)[0]).any()


def test_a_lag_below_one_is_refused():
    with pytest.raises(ValueError, match="lag must be a positive integer, got 0"):
        agreement_sentences(2, 0)
