"""What is asked of a language model: evaluation, probabilities of texts and of sentences, generation, beam search."""

from itertools import product

import numpy as np
import pytest

from npseq.data import Vocabulary
from npseq.models import LanguageModel

KINDS = [
    {"cell": "rnn"},
    {"cell": "gru", "embedding_size": 3},
    {"cell": "lstm", "num_layers": 2},
    {"cell": "gru", "bidirectional": True},
]
SENTENCES = np.array([[1, 4, 2], [3, 0, 2], [2, 2, 9], [2, -1, 9]])  # past the lengths stands anything
LENGTHS = np.array([4, 2, 1])


def log_softmax(z):
    z = z - z.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def model_of(**options):
    return LanguageModel(5, hidden_size=6, rng=0, **{"cell": "gru", "dtype": np.float64} | options)


def ids_of(count):
    return np.random.default_rng(1).integers(0, 5, count)


def test_evaluation_reads_on_from_chunk_to_chunk():
    model, ids = model_of(), ids_of(40)
    logits, _ = model.logits(ids[:-1, None])
    expected = -np.take_along_axis(log_softmax(logits[:, 0]), ids[1:, None], 1).mean()
    assert model.evaluate(ids) == pytest.approx(expected, rel=1e-12)
    assert model.evaluate(ids, steps=7) == pytest.approx(expected, rel=1e-12)


def test_the_probability_of_a_text_begins_with_a_zero_input():
    model, ids = model_of(), np.array([1, 4, 0])
    y, state, _ = model.recurrent.forward(np.zeros((1, 1, 5)))
    rows = [model.output.forward(y)[0][0, 0], *model.logits(ids[:-1, None], state)[0][:, 0]]
    expected = sum(log_softmax(row)[token] for row, token in zip(rows, ids, strict=True))
    assert model.log_prob(ids) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("options", KINDS)
def test_sentences_side_by_side_are_as_likely_as_each_alone(options):
    model = model_of(**options)
    found = model.log_probs(SENTENCES, LENGTHS)
    alone = [model.log_prob(column[:length]) for column, length in zip(SENTENCES.T, LENGTHS, strict=True)]
    np.testing.assert_allclose(found, alone, rtol=1e-13)
    np.testing.assert_allclose(model.log_probs(SENTENCES[:2, :2]), [model.log_prob([1, 3]), model.log_prob([4, 0])])
    assert model.log_probs(SENTENCES, [0, 0, 0]).tolist() == [0, 0, 0]


def test_all_sentences_of_two_tokens_have_probability_one():
    model = model_of()
    both = np.array(list(product(range(5), repeat=2))).T
    assert np.exp(model.log_probs(both)).sum() == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("prefix", [[], [3], [3, 1, 4]])
@pytest.mark.parametrize("options", KINDS)
def test_a_beam_that_leaves_nothing_out_finds_the_likeliest_text(options, prefix):
    model = model_of(**options)
    if options.get("bidirectional"):  # whose probabilities of a text know what comes next: only its beam of 1 is meant
        found = model.beam_search(prefix, 1, max_steps=3, alpha=0).best.tokens
        assert list(found) == model.generate(prefix, 3)[len(prefix) :].tolist()
        return
    found = model.beam_search(prefix, 125, max_steps=3, alpha=0)
    texts = np.array([[*prefix, *rest] for rest in product(range(5), repeat=3)]).T
    rows = log_softmax(model.logits(texts[:-1])[0])[-3:] if prefix else None
    totals = model.log_probs(texts) if rows is None else np.take_along_axis(rows, texts[-3:, :, None], 2).sum((0, 2))
    assert found.best.tokens == tuple(texts[len(prefix) :, totals.argmax()].tolist())
    np.testing.assert_allclose([one.log_prob for one in found.ranked], np.sort(totals)[::-1], rtol=1e-12)


@pytest.mark.parametrize("options", KINDS[:3])
def test_a_whole_sentence_goes_on_as_log_prob_reads_it(options):
    model, prefix = model_of(**options), [3, 1]
    texts = np.array([[*prefix, *rest] for rest in product(range(5), repeat=2)]).T
    best = tuple(texts[2:, model.log_probs(texts).argmax()].tolist())
    found = model.beam_search(prefix, 25, max_steps=2, alpha=0, whole=True)
    assert found.best.tokens == best
    totals = model.log_probs(texts) - model.log_prob(prefix)
    np.testing.assert_allclose([one.log_prob for one in found.ranked], np.sort(totals)[::-1], rtol=1e-12)
    first = [int(model.generate(prefix, 1, 1, rng=seed, whole=True)[2]) for seed in range(400)]
    expected = np.exp([model.log_prob([*prefix, token]) for token in range(5)]) / np.exp(model.log_prob(prefix))
    assert abs(np.bincount(first, minlength=5) / 400 - expected).max() < 0.1
    assert model.generate([], 3, whole=True).tolist() == model.generate([], 3).tolist()


@pytest.mark.parametrize("prefix", ["", "ab"])
def test_a_beam_of_one_is_generation(prefix):
    model = LanguageModel(Vocabulary("abcd", reserved_tokens=["<eos>"]), "gru", 6, rng=3)
    best = model.beam_search(prefix, 1, max_steps=6).best
    assert model.vocab.decode([*model.vocab.encode(prefix), *best.tokens]) == model.generate(prefix, 6)
    ended = model.beam_search(prefix, 36, max_steps=2, stop="<eos>").ranked
    assert {one.tokens for one in ended if one.ended} == {(1,), *((k, 1) for k in (0, 2, 3, 4, 5))}


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: model_of().evaluate(np.array([1])), ValueError, r"ids must be one sequence .* got \(1,\)"),
        (lambda: model_of().generate([1], -1), ValueError, "length must be an integer of at least 0, got -1"),
        (lambda: model_of().log_probs(np.array([1])), ValueError, r"sentences must be ids \(T, B\), got shape \(1,\)"),
        (lambda: model_of().log_probs(SENTENCES), ValueError, r"sentences must be in \[0, 5\), got 9 at \(2, 2\)"),
        (lambda: model_of().log_probs(SENTENCES, [4, 2]), ValueError, r"lengths must have shape \(3,\)"),
        (lambda: model_of().beam_search([1], 0), ValueError, "beam_size must be a positive integer, got 0"),
        (lambda: model_of().beam_search("a"), TypeError, "a text needs the model to have a Vocabulary"),
        (lambda: model_of().beam_search([1], stop=5), ValueError, r"stop must be a token or an id in \[0, 5\), got 5"),
        (
            lambda: LanguageModel(Vocabulary("ab"), "rnn", 4).beam_search("ac"),
            ValueError,
            "'c' is not in the model's vocabulary",
        ),
    ],
)
def test_what_cannot_be_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
