"""Sampling from a language model: where it begins, what it draws, where it ends."""

import re

import numpy as np
import pytest

from npseq.data import Vocabulary
from npseq.layers import GRU, Embedding
from npseq.models import LanguageModel, Seq2Seq, SequenceGenerator, Tagger
from npseq.models.decoding.generation import check_prefix

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


def test_a_text_is_no_vocabulary():
    with pytest.raises(TypeError, match=r"vocab must be a Vocabulary or its size, got a text; pass ns\.data\.Vocab"):
        LanguageModel("it was the best of times")


@pytest.mark.parametrize("length", [10**8 + 1, 10**20])
def test_a_length_that_never_ends_is_refused(length):
    with pytest.raises(
        ValueError, match=f"length must be at most 100000000, got {length}; generate a longer text part by"
    ):
        word_model().generate("the", length)


HAN = [chr(code) for code in range(0x4E00, 0x4E00 + 2600)]


WORDS = Vocabulary(["the", "time"], token="word")


@pytest.mark.parametrize(
    ("vocabulary", "prefix", "lacking", "shown", "known"),
    [
        (Vocabulary("abc"), "ab吾", ("'吾'", ""), "ab吾", "3 of them: 'abc'"),
        (Vocabulary("abc"), "xaxyzvwu", ("'x'", ", nor 'y', 'z', 'v'"), "xaxyzvwu", "3 of them: 'abc'"),
        (
            Vocabulary(HAN),
            f"{HAN[0] * 5000}x\n",
            ("'x'", ", nor '\\n'"),
            f"{HAN[0] * 60}...",
            f"2600 of them: '{''.join(HAN[:60])}...'",
        ),
        (WORDS, "a time", ("'a'", ""), "a time", "2 of them: 'the time'"),
    ],
    ids=["one", "several", "Chinese", "words"],
)
def test_an_unknown_token_of_a_prefix_is_named_first_in_one_line(vocabulary, prefix, lacking, shown, known):
    told = (
        f"{lacking[0]} is not in the model's vocabulary{lacking[1]}, so the prefix '{shown}' cannot be read; a prefix "
        f"must be made of the text's own tokens, {known}"
    )
    model = LanguageModel(vocabulary, "rnn", 2, rng=0)
    for call in (lambda: check_prefix(prefix, vocabulary), lambda: model.generate(prefix, 3)):
        with pytest.raises(ValueError, match=f"^{re.escape(told)}$"):
            call()
    assert len(told.encode()) < 600
    assert len(model.generate(vocabulary.encode(prefix), 3)) == len(vocabulary.encode(prefix)) + 3  # what may be meant


def test_a_prefix_has_a_token():
    check_prefix("ab", Vocabulary("abc"))
    with pytest.raises(ValueError, match="a prefix must hold at least one token, got '  '"):
        check_prefix("  ", Vocabulary(["ab"], token="word"))


# a model that has diverged -------------------------------------------------------------------------------------------


VECTOR, IDS = np.ones((1, 2), np.float32), np.ones((2, 1), int)
PREDICTIONS = {
    "generate": lambda m: m.generate("a", 3),
    "generate from nothing": lambda m: m.generate([], 3),
    "draw": lambda m: m.generate("a", 3, temperature=1, rng=0),
    "evaluate": lambda m: m.evaluate(np.array([1, 2, 3])),
    "log_prob": lambda m: m.log_prob("abc"),
    "caption": lambda m: m.generate(VECTOR, 1, 3),
    "tag": lambda m: m.predict(VECTOR[None]),
    "greedy": lambda m: m.greedy(IDS),
    "beam": lambda m: m.beam_search(IDS[:, 0]),
}
MODELS = {
    "caption": lambda: SequenceGenerator(2, Embedding(5, 3, rng=0), GRU(3, 4, rng=0), rng=0),
    "tag": lambda: Tagger(GRU(2, 4, rng=0), 2, rng=0),
    "greedy": lambda: Seq2Seq(6, 7, rng=0, hidden_size=4, embedding_size=3),
    "beam": lambda: Seq2Seq(6, 7, rng=0, hidden_size=4, embedding_size=3),
}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("what", PREDICTIONS)
def test_a_parameter_that_is_not_finite_predicts_nothing(what, value):
    model = MODELS.get(what, lambda: LanguageModel(Vocabulary("abcd"), "gru", 4, embedding_size=3, rng=0))()
    PREDICTIONS[what](model)
    for name in model.params:
        before = model.params[name].copy()
        model.params[name].flat[-1] = value
        with pytest.raises(
            ValueError, match=rf"model's parameters must be finite, '{name}' holds nan or infinity; load a"
        ):
            PREDICTIONS[what](model)
        model.params[name][...] = before


def test_a_loss_that_overflows_is_no_evaluation():
    model = LanguageModel(Vocabulary("abcd"), "rnn", 4, rng=0)
    model.params["output.b"][...] = np.array([0, 3e38, -3e38, 0, 0], np.float32)
    with (
        np.errstate(all="ignore"),
        pytest.raises(ValueError, match=r"the loss must be finite, the model gives (inf|nan)"),
    ):
        model.evaluate(np.arange(1, 5))
