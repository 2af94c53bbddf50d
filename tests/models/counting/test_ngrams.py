"""N-grams, their smoothing, and Zipf's law."""

from collections import Counter
from fractions import Fraction
from math import inf, log

import numpy as np
import pytest

from npseq.data import Vocabulary
from npseq.models.counting.ngrams import NGramModel, ZipfFit, fit_zipf, ngram_counts, table_size

TEXT = "to be or not to be that is the question"
VOCAB = Vocabulary(list(TEXT))
IDS = VOCAB.encode(TEXT)


def smoothed(text: str, gram: str, letters: int, e: int) -> Fraction:
    """P of gram's last letter after the others, by d2l's formulas with one e, read off the string itself."""
    first = Fraction(text.count(gram[-1]) * letters + e, letters * (len(text) + e))
    if len(gram) == 1:
        return first
    pairs = Counter(text[i : i + len(gram)] for i in range(len(text) - len(gram) + 1))
    followed = sum(count for key, count in pairs.items() if key[:-1] == gram[:-1])
    return (pairs[gram] + e * first) / (followed + e)


def test_counts_of_words_characters_and_ids():
    assert ngram_counts(["a", "b", "a", "b", "a"], 2) == {("a", "b"): 2, ("b", "a"): 2}
    assert ngram_counts(list("aab"), 1) == {("a",): 2, ("b",): 1}
    assert ngram_counts(np.array([3, 3, 3]), 2) == {(3, 3): 2}
    assert ngram_counts([1], 2) == {}
    assert ngram_counts(list("badc"), 1).most_common() == [(("b",), 1), (("a",), 1), (("d",), 1), (("c",), 1)]


def test_an_order_longer_than_the_text_has_no_counts():
    assert ngram_counts([0, 1, 2], 10**30) == {}


@pytest.mark.parametrize("e", [0, 1, 7])
@pytest.mark.parametrize("gram", ["t", "to", "be", "qt", "o b", "be ", "not", "tot"])
def test_probabilities_against_the_formulas(gram, e):
    model = NGramModel(IDS, VOCAB, order=3, smoothing=e)
    *context, last = VOCAB.encode(gram).tolist()
    assert model.probability(last, context) == pytest.approx(float(smoothed(TEXT, gram, len(VOCAB), e)), rel=1e-14)


def test_only_the_last_tokens_of_a_context_count():
    model = NGramModel(IDS, VOCAB, order=2)
    assert model.probability(3, [1, 1, 5]) == model.probability(3, [5])
    np.testing.assert_array_equal(model.distribution([1, 1, 5]), model.distribution([5]))
    assert NGramModel(IDS, VOCAB, order=1).probability(3, [5]) == model.probability(3)


def test_distributions_are_their_probabilities():
    model = NGramModel(IDS, VOCAB, order=3, smoothing=(1, 2, 3))
    context = VOCAB.encode("to").tolist()
    p = model.distribution(context)
    assert p.tolist() == [model.probability(token, context) for token in range(len(VOCAB))]
    assert p.sum() == pytest.approx(1, rel=1e-14)


def test_log_prob_is_the_factorisation():
    model = NGramModel(IDS, VOCAB, order=3)
    t, o, space = VOCAB["t"], VOCAB["o"], VOCAB[" "]
    factors = [model.probability(t), model.probability(o, [t]), model.probability(space, [t, o])]
    assert model.log_prob("to ") == pytest.approx(sum(map(log, factors)), rel=1e-14)
    assert model.log_prob(np.array([t, o, space])) == model.log_prob("to ")
    assert model.log_prob("tq") == -inf
    assert model.log_prob("nono") == -inf


def test_perplexity():
    uniform = NGramModel(np.arange(8), 8, order=1)
    assert uniform.perplexity(np.array([3, 3, 5])) == pytest.approx(8, rel=1e-14)
    certain = NGramModel(np.array([0, 1, 2, 0, 1, 2]), 3, order=2)
    assert certain.perplexity(np.array([1, 2, 0])) == 1
    assert certain.perplexity(np.array([1, 0])) == inf
    half = NGramModel(np.array([0, 0, 1, 0, 0, 1]), 2, order=2)
    assert half.perplexity(np.array([0, 0, 1, 0])) == pytest.approx(4 ** (1 / 3), rel=1e-14)  # 1/2, 1/2, 1


def test_generation():
    model = NGramModel(np.array([0, 1, 2, 0, 1, 2, 0]), 3, order=2)
    assert model.generate([1], 4).tolist() == [1, 2, 0, 1, 2]
    text = NGramModel(VOCAB.encode(f"{TEXT} {TEXT} to"), VOCAB, order=3)
    drawn = text.generate("to", 30, temperature=1, rng=0)
    assert drawn.startswith("to")
    assert len(drawn) == 32
    assert drawn == text.generate("to", 30, temperature=1, rng=0) != text.generate("to", 30, temperature=1, rng=1)
    assert text.log_prob(drawn) > -inf
    assert len(text.generate("", 5)) == 5
    # with order 6 the text itself is the only one that was seen
    assert NGramModel(IDS, VOCAB, order=6).generate("or not", 12) == "or not to be that "


def test_another_smoothing_leaves_the_model_alone():
    model = NGramModel(IDS, VOCAB, order=2)
    other = model.with_smoothing((1, 2))
    assert (model.smoothing, other.smoothing) == ((0, 0), (1, 2))
    assert other.probability(3, [5]) == NGramModel(IDS, VOCAB, 2, smoothing=(1, 2)).probability(3, [5])


def test_a_context_that_nothing_followed():
    model = NGramModel(np.array([0, 1, 2]), 3, order=2)
    assert model.probability(0, [2]) == 0
    with pytest.raises(ValueError, match=r"the context \(2,\) must have been followed by a token; use smoothing"):
        model.distribution([2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((IDS, 5), r"tokens must be in \[0, 5\), got"),
        ((IDS, 0), "vocab must be a positive integer, got 0"),
        ((IDS, VOCAB, 0), "order must be a positive integer, got 0"),
        ((IDS[:1], VOCAB, 2), r"tokens must be a text or ids \(N,\) of at least 2"),
        ((IDS[:, None], VOCAB), r"tokens must be (a text or ids|integers)"),
        ((IDS.astype(float), VOCAB), r"tokens must be (a text or ids|integers)"),
    ],
)
def test_a_model_refuses(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        NGramModel(*arguments)


@pytest.mark.parametrize("smoothing", [-1, inf, (1,)])
def test_a_smoothing_that_cannot_be_is_refused(smoothing):
    with pytest.raises(ValueError, match="smoothing must be one number, or 2, each finite and at least 0, got"):
        NGramModel(IDS, VOCAB, 2, smoothing=smoothing)


def test_a_text_needs_a_vocabulary():
    with pytest.raises(TypeError, match="a text needs the model to have a Vocabulary"):
        NGramModel(IDS, len(VOCAB)).log_prob("to")
    with pytest.raises(ValueError, match=r"temperature must be 0, .* got -1"):
        NGramModel(IDS, VOCAB).generate("to", 3, temperature=-1)
    with pytest.raises(TypeError, match=r"tokens must be ids or a list .* got one string"):
        ngram_counts(TEXT, 2)
    with pytest.raises(ValueError, match="order must be a positive integer, got 0"):
        ngram_counts([1, 2], 0)


def test_zipf():
    line = ZipfFit(1.3, 5.0)
    ranks = np.arange(1, 60)
    counts = line.count(ranks)
    assert fit_zipf(np.random.default_rng(0).permutation(counts), first=1) == pytest.approx(line, rel=1e-12)
    bent = np.where(ranks < 7, counts[6], counts)  # the head
    assert fit_zipf(bent, first=7, last=40) == pytest.approx(line, rel=1e-12)
    with pytest.raises(ValueError, match="a line needs at least 2 ranks, got 1, from 59 to None of 59"):
        fit_zipf(counts, first=59)
    with pytest.raises(ValueError, match="counts must be positive, got 0"):
        fit_zipf([5, 4, 0])


def test_table_size():
    assert table_size(28, 3) == 21952
    with pytest.raises(ValueError, match="vocab_size must be a positive integer"):
        table_size(0, 3)
