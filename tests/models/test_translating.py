"""A sequence-to-sequence model is fitted to pairs, and translates texts."""

import numpy as np
import pytest

from npseq.data import load_pairs
from npseq.models import Seq2Seq

GIVEN = [(a, b) for a, b in (("one", "un"), ("two", "deux"), ("three cats", "trois chats"), ("cats", "chats"))] * 8
PAIRS = load_pairs(GIVEN)


def model():
    return Seq2Seq(PAIRS.source_vocab, PAIRS.target_vocab, hidden_size=16, num_layers=1, rng=0)


def test_pairs_are_learnt_and_texts_translated():
    fitted = model().fit(PAIRS, epochs=150, batch_size=8, valid=0)
    assert fitted.predict(["two", "Three cats"]) == ["deux", "trois chats"]
    assert fitted.score(PAIRS) == 1.0
    assert fitted.score(["one", "two"], ["un", "un"]) == 0.5
    assert fitted.longest_ == 3
    assert [len(row) for row in fitted.predict(PAIRS.source[:, :3])] == [1, 1, 2]


def test_arrays_and_texts_are_the_same_examples():
    one, two, three = model(), model(), model()
    one.fit(PAIRS, epochs=2, valid=0)
    two.fit([a for a, _ in GIVEN], [b for _, b in GIVEN], epochs=2, valid=0)
    three.fit((PAIRS.source, PAIRS.target, PAIRS.source_lengths, PAIRS.target_lengths), epochs=2, valid=0)
    assert one.params.flat.tobytes() == two.params.flat.tobytes() == three.params.flat.tobytes()


def test_what_is_no_pair_is_refused():
    with pytest.raises(
        TypeError, match=r"two lists of texts, or arrays in a tuple, got list; ns\.data\.load_pairs reads files"
    ):
        model().fit(["one"])
    with pytest.raises(TypeError, match=r"got a tuple of Pairs; give the first, fit\(learnt, valid=test\)"):
        model().fit(PAIRS.split(0.2))
    with pytest.raises(TypeError, match="pairs hold them, and valid= takes those to hold out, got another argument"):
        model().fit(*PAIRS.split(0.2))
    with pytest.raises(TypeError, match=r"texts must be a list of strings, got set; pass list\(texts\)"):
        model().predict({"one"})
    with pytest.raises(TypeError, match=r"texts must be a list of strings, got one string; pass \[texts\]"):
        model().fit("one", "un")
    with pytest.raises(TypeError, match="texts need a model with vocabularies"):
        Seq2Seq(5, 5, hidden_size=4).predict(["one"])


def test_translate_reads_what_predict_reads():
    cleaned = load_pairs([("i'm home .", "a b"), ("go , tom !", "c")] * 8, clean="d2l")
    fitted = Seq2Seq(cleaned.source_vocab, cleaned.target_vocab, hidden_size=16, num_layers=1, rng=0)
    fitted.fit(cleaned, epochs=60, batch_size=8, valid=0)
    for text in ("I'm Home.", "i'm home ."):
        assert " ".join(fitted.translate(text.split())) == fitted.predict([text])[0] == "a b"
    with pytest.raises(TypeError, match=r"tokens must be a list of strings, got \['go', 7\]"):
        fitted.translate(["go", 7])


def test_a_long_sentence_is_not_cut_at_ten_tokens():
    numbers = load_pairs([(" ".join("ab" * 9), " ".join("xy" * 9))] * 8)
    fitted = Seq2Seq(numbers.source_vocab, numbers.target_vocab, hidden_size=24, num_layers=1, rng=0)
    fitted.fit(numbers, epochs=3, valid=0)
    assert len(fitted.translate(list("ab" * 9))) >= 15
    assert len(fitted.predict([" ".join("ab" * 9)])[0].split()) >= 15
    assert np.isfinite(fitted.evaluate(numbers))
