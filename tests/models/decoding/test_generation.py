"""Sampling from a language model: where it begins, what it draws, where it ends."""

import numpy as np
import pytest

from npseq.data import Vocabulary
from npseq.models import LanguageModel

SENTENCES = "the cat was full <eos> the cats were full <eos> the dog was full <eos>"
KINDS = [
    {"cell": "rnn"},
    {"cell": "gru", "num_layers": 2, "reset": "before"},
    {"cell": "lstm", "embedding_size": 3},
    {"cell": "lstm", "bidirectional": True, "num_layers": 2},
]


def word_model(**options):
    vocab = Vocabulary(SENTENCES.split(), reserved_tokens=["<eos>"], token="word")
    return LanguageModel(vocab, **{"cell": "gru", "hidden_size": 6, "rng": 0, "dtype": np.float64} | options)


@pytest.mark.parametrize("options", KINDS)
def test_an_empty_prefix_begins_with_a_zero_input_and_state(options):
    model = LanguageModel(5, hidden_size=6, dtype=np.float64, rng=0, **options)
    model.params.flat[:] *= 5
    scores = [model.log_prob([token]) for token in range(5)]
    assert model.generate([], 1).tolist() == [int(np.argmax(scores))]
    for seed in range(10):
        drawn = np.searchsorted(np.cumsum(np.exp(scores)), np.random.default_rng(seed).random(), side="right")
        assert model.generate([], 1, temperature=1, rng=seed).tolist() == [drawn]


def test_an_empty_text_begins_it_too_and_gives_a_text():
    model = word_model()
    assert model.generate("", 4).split() == model.vocab.to_tokens(model.generate([], 4))
    assert model.generate("", 0) == ""
    empty = model.generate([], 0)
    assert empty.shape == (0,)
    assert empty.dtype == np.int64


def test_the_stop_token_ends_the_sentence_and_is_not_part_of_it():
    model = word_model()
    whole = model.generate("the", 40, temperature=1, rng=3).split()
    assert "<eos>" in whole
    expected = whole[: whole.index("<eos>")]
    assert model.generate("the", 40, temperature=1, rng=3, stop="<eos>").split() == expected
    assert model.generate("the", 40, temperature=1, rng=3, stop=model.vocab["<eos>"]).split() == expected
    ids = model.generate(model.vocab.encode("the"), 40, temperature=1, rng=3, stop="<eos>")
    assert model.vocab.to_tokens(ids) == expected


def test_a_stop_token_in_the_prefix_does_not_end_it():
    model = word_model()
    assert model.generate("<eos>", 5, stop="<eos>").split()[0] == "<eos>"


def test_length_is_the_most_that_is_generated():
    model = word_model()
    unsaid = next(token for token in model.vocab if token not in model.generate("the", 5).split())
    assert model.generate("the", 5, stop=unsaid) == model.generate("the", 5)


@pytest.mark.parametrize("stop", ["<end>", "a"])
def test_a_stop_that_is_no_token_is_refused(stop):
    with pytest.raises(ValueError, match=rf"stop must be a token of the model's Vocabulary, or an id, got '{stop}'"):
        word_model().generate("the", 5, stop=stop)
    with pytest.raises(ValueError, match="stop must be a token of the model's Vocabulary"):
        LanguageModel(5, "rnn", 4, rng=0).generate([0], 5, stop=stop)


@pytest.mark.parametrize("stop", [-1, 9, True, 1.0])
def test_a_stop_that_is_no_id_is_refused(stop):
    with pytest.raises(ValueError, match=r"stop must be a token or an id in \[0, 9\), got "):
        word_model().generate("the", 5, stop=stop)


def test_a_negative_temperature_is_refused():
    with pytest.raises(ValueError, match="temperature must be 0, for the likeliest token, or positive, got -1"):
        word_model().generate("the", 5, temperature=-1)


def test_what_is_no_text_and_no_ids_is_refused():
    with pytest.raises(TypeError, match="tokens must be integers, got float64"):
        word_model().generate(np.zeros((0, 2)), 5)
    with pytest.raises(ValueError, match=r"tokens must be a text or ids \(N,\) of at least 1, got array"):
        word_model().log_prob("")
