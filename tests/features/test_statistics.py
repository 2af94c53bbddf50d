"""Statistics of sequences and forecasts have the known numbers."""

from __future__ import annotations

import os
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest

import npseq as ns
from npseq.data import (
    Vocabulary,
    load_corpus,
    one_hot,
    pad_sequences,
    random_windows,
    read_lines,
    sequential_windows,
    tokenize,
)
from npseq.data.series import lagged_windows, noisy_sine
from npseq.models import Forecaster, LatentForecaster
from npseq.models.counting.forecasting import error_growth, k_step, multi_step, one_step, root_mean_square
from npseq.models.counting.markov import log_prob, propagate
from npseq.models.counting.ngrams import NGramModel, fit_zipf, ngram_counts, table_size

LAGS, TRAINING = 4, 600
SINE = np.sin(0.01 * np.arange(1, 1001))


@pytest.fixture(scope="module")
def book() -> Path:
    path = Path(os.environ.get("NPSEQ_DATA", "")) / "timemachine.txt"
    if not path.is_file():
        pytest.skip("timemachine.txt: not in the folder that NPSEQ_DATA names")
    return path


@pytest.fixture(scope="module")
def words(book) -> list[str]:
    return [word for line in tokenize(read_lines(book), "word") for word in line]


@pytest.fixture(scope="module")
def sine():
    """The noisy sine, the model that learned from its first 600 pairs, and the losses after each epoch."""
    x = noisy_sine(rng=8)
    windows, targets = lagged_windows(x, LAGS)
    model = Forecaster(LAGS, 10, rng=8)
    learnt, losses = (windows[:TRAINING], targets[:TRAINING]), []
    d2l = {"epochs": 5, "batch_size": 16, "valid": 0, "optimizer": ns.Adam(0.01), "clip": None}
    model.fit(learnt, **d2l, rng=8, callbacks=lambda model, _: losses.append(model.evaluate(learnt)))
    return x, model, losses


def test_noisy_sine():
    x = noisy_sine(1000, rng=0)
    windows, targets = lagged_windows(x, LAGS)
    assert (windows.shape, targets.shape) == ((996, 4), (996,))
    for i in (0, 17, 995):
        assert windows[i].tolist() == x[i : i + 4].tolist()
        assert targets[i] == x[i + 4]
    assert np.std(x - SINE) == pytest.approx(0.2, abs=0.02)
    np.testing.assert_array_equal(noisy_sine(1000, noise=0, dtype=float), SINE)


def test_loss_after_five_epochs(sine):
    _, model, losses = sine
    assert {name: value.shape for name, value in model.params.items()} == {
        "hidden.W": (4, 10), "hidden.b": (10,), "output.W": (10, 1), "output.b": (1,)
    }  # fmt: skip
    assert len(losses) == 5
    assert 0.046 <= losses[-1] <= 0.068


def test_one_step_ahead(sine):
    x, model, _ = sine
    unseen = one_step(model.predict, x, LAGS)[TRAINING:]
    assert unseen.shape == (396,)
    assert root_mean_square(unseen, SINE[604:].astype(np.float32)) < 0.15


def test_k_steps_ahead(sine):
    x, model, _ = sine
    columns = k_step(model.predict, x, LAGS, 64)
    assert columns.shape == (1000 - 4 - 64 + 1, 4 + 64)
    error = {k: root_mean_square(columns[:, 3 + k], SINE[3 + k : 936 + k].astype(np.float32)) for k in (1, 4, 16, 64)}
    assert error[1] < error[4] < error[16] < error[64]
    assert error[4] < 0.15
    assert error[64] > 0.4
    # of a linear forecast that is off by e a step, the recursion is the error itself
    truth = 0.9 ** np.arange(12)
    forecast = multi_step(lambda window: 0.9 * window[:, 0] + 0.01, truth[:2], 1, 10)
    np.testing.assert_allclose(forecast - truth[2:], error_growth(0.01, 0.9, 10), rtol=1e-12)


def test_markov_chain():
    rng = np.random.default_rng(0)
    P, start = rng.dirichlet(np.ones(4), 4), rng.dirichlet(np.ones(4))
    states = np.array([2, 0, 3, 3])
    assert log_prob(states, start, P) == pytest.approx(np.log(start[2] * P[2, 0] * P[0, 3] * P[3, 3]), rel=1e-14)
    assert sum(np.exp(log_prob(np.array(path), start, P)) for path in product(range(4), repeat=3)) == pytest.approx(1)
    two = [[sum(P[i, k] * P[k, j] for k in range(4)) for j in range(4)] for i in range(4)]
    np.testing.assert_allclose(two, P @ P, rtol=1e-14)
    for i in range(4):
        np.testing.assert_allclose(propagate(np.eye(4)[i], P, 2)[2], two[i], rtol=1e-14)


def test_latent_autoregressive_model():
    model = LatentForecaster(1, "rnn", 5, dtype=np.float64, rng=0)
    x = np.sin(np.arange(9.0))[:, None, None]
    w = model.params
    h, expected = np.zeros((1, 5)), []
    for value in x:
        h = np.tanh(value @ w["recurrent.W_xh"] + h @ w["recurrent.W_hh"] + w["recurrent.b_h"])
        expected.append(h @ w["output.W"] + w["output.b"])
    prediction, state, _ = model.forward(x)
    np.testing.assert_allclose(prediction, expected, rtol=1e-12)
    np.testing.assert_allclose(state[0], h, rtol=1e-12)


def test_lines_of_the_book(book):
    lines = read_lines(book)
    assert len(lines) == 3221
    assert lines[0] == "the time machine by h g wells"
    assert lines[10] == "twinkled and his usually pale face was flushed and animated the"


def test_tokens_of_the_book(book, words):
    assert len(words) == 32_775
    assert sum(map(len, tokenize(read_lines(book), "char"))) == 170_580


def test_vocabularies_of_the_book(book, words):
    vocab = Vocabulary(words)
    assert len(vocab) == 4580
    assert vocab.to_tokens(list(range(10))) == ["<unk>", "the", "i", "and", "of", "a", "to", "was", "in", "that"]
    assert vocab[read_lines(book)[0].split()] == [1, 19, 50, 40, 2183, 2184, 400]
    assert vocab[read_lines(book)[10].split()] == [2186, 3, 25, 1044, 362, 113, 7, 1421, 3, 1045, 1]
    assert len(Vocabulary(tokenize(read_lines(book), "char"))) == 28
    special = Vocabulary(words, reserved_tokens=["<pad>", "<bos>", "<eos>"])
    assert special[["<unk>", "<pad>", "<bos>", "<eos>", "the"]] == [0, 1, 2, 3, 4]


def test_factorisations():
    text = "deep learning is deep and deep learning works".split()  # noqa: SIM905
    vocab = Vocabulary(text)
    unigram, bigram, trigram = (NGramModel(np.array(vocab[text]), vocab, n) for n in (1, 2, 3))
    assert bigram.probability(vocab["learning"], [vocab["deep"]]) == 2 / 3  # n(deep, learning) / n(deep)
    sentence = "deep learning works"
    for model, p in (
        (unigram, 3 / 8 * 2 / 8 * 1 / 8),
        (bigram, 3 / 8 * 2 / 3 * 1 / 2),
        (trigram, 3 / 8 * 2 / 3 * 1 / 2),
    ):
        assert model.log_prob(sentence) == pytest.approx(np.log(p), rel=1e-14)


def test_ngrams_of_words(words):
    expected = {
        1: "the 2261, i 1267, and 1245, of 1155, a 816, to 695, was 552, in 541, that 443, my 440",
        2: "of the 309, in the 169, i had 130, i was 112, and the 109, the time 102, it was 99, to the 85, as i 78, "
        "of a 73",
        3: "the time traveller 59, the time machine 30, the medical man 24, it seemed to 16, it was a 15, "
        "here and there 15, seemed to me 14, i did not 14, i saw the 13, i began to 13",
    }
    for order, top in expected.items():
        counted = ngram_counts(words, order).most_common(10)
        assert ", ".join(f"{' '.join(ngram)} {count}" for ngram, count in counted) == top
    vocab = Vocabulary(words)
    ids = np.array(vocab[words])
    assert NGramModel(ids, vocab, 2).probability(vocab["machine"], [vocab["time"]]) == 39 / 200


@pytest.mark.usefixtures("book")
def test_perplexities_of_the_book():
    ids, vocab = load_corpus("time-machine", max_tokens=10_000)
    assert [round(NGramModel(ids, vocab, n).perplexity(ids), 3) for n in (1, 2, 3)] == [17.415, 9.865, 5.176]


def test_laplace_smoothing():
    a, b, c = range(3)
    text = np.array([a, b, a, b, a, c, a])  # n = 7: a 4, b 2, c 1
    e1, e2, e3 = 0.5, 2.0, 3.0
    model = NGramModel(text, 3, order=3, smoothing=(e1, e2, e3))
    p = [(4 + e1 / 3) / (7 + e1), (2 + e1 / 3) / (7 + e1), (1 + e1 / 3) / (7 + e1)]
    assert [model.probability(x) for x in (a, b, c)] == pytest.approx(p, rel=1e-14)
    assert model.probability(b, [a]) == pytest.approx((2 + e2 * p[b]) / (3 + e2), rel=1e-14)  # a is followed 3 times
    assert model.probability(a, [a, b]) == pytest.approx((2 + e3 * p[a]) / (2 + e3), rel=1e-14)
    assert model.probability(c, [b, c]) == pytest.approx(p[c], rel=1e-14)  # never seen: the unigram alone
    for context in ([], [a], [c], [b, a], [c, c]):
        assert model.distribution(context).sum() == pytest.approx(1, rel=1e-14)
        np.testing.assert_allclose(model.with_smoothing(1e12).distribution(context), 1 / 3, rtol=1e-10)


def test_zipf():
    exact = fit_zipf(1e6 * np.arange(1.0, 500) ** -1.1, first=1)
    assert exact == pytest.approx((1.1, np.log(1e6)), rel=1e-10)


def test_zipf_of_the_book(words):
    frequencies = sorted(ngram_counts(words, 1).values(), reverse=True)
    assert frequencies[9] / frequencies[0] == pytest.approx(0.195, abs=5e-4)
    alphas = [fit_zipf(ngram_counts(words, n).values(), first=10, last=1000).alpha for n in (1, 2, 3)]
    assert 0.9 < alphas[0] < 1.2
    assert alphas == sorted(alphas, reverse=True)


def test_size_of_ngram_tables():
    sizes = [table_size(4580, n) for n in (1, 2, 3, 4)]
    assert sizes == [4580, 20_976_400, 96_071_912_000, 440_009_356_960_000]


def test_ngrams_that_the_book_has(words):
    assert [len(ngram_counts(words, n)) for n in (1, 2, 3)] == [4579, 20_234, 29_882]


def test_random_minibatches():
    for seed in range(10):
        batches = list(random_windows(np.arange(35), batch_size=2, steps=5, rng=seed))
        assert len(batches) == 3
        starts = [start for x, _ in batches for start in x[0]]
        assert len({start % 5 for start in starts}) == 1
        assert len(set(starts)) == 6
        assert all((y == x + 1).all() for x, y in batches)


def test_sequential_minibatches():
    for seed in range(10):
        batches = list(sequential_windows(np.arange(35), batch_size=2, steps=5, rng=seed))
        assert all((y == x + 1).all() for x, y in batches)
        for (before, _), (after, _) in pairwise(batches):
            assert (after[0] == before[-1] + 1).all()


def test_minibatches_of_an_epoch():
    ids, _ = load_corpus(max_tokens=10_000, clean="letters")
    for windows, offsets, seeds in ((random_windows, 35, 177), (sequential_windows, 36, 122)):
        assert len(list(windows(ids, 32, 35, 0))) == 8
        seen = set()
        for seed in range(seeds):
            batches = [x for x, _ in windows(np.arange(10_000), 32, 35, seed)]
            assert len(batches) == 8
            assert sum(x.size for x in batches) == 8960
            seen.add(int(min(x.min() for x in batches)) % offsets)
        assert seen == set(range(offsets))  # every offset was among them


def test_one_hot():
    assert one_hot(np.array([0, 2]), 28).tolist() == [[float(k == i) for k in range(28)] for i in (0, 2)]
    assert one_hot(np.arange(10).reshape(2, 5).T, 28).shape == (5, 2, 28)


def test_padding_and_unknown_tokens():
    vocab = Vocabulary([["go", "."], ["run", "!"]], reserved_tokens=["<pad>", "<eos>"])
    rows = [vocab[[*line, "<eos>"]] for line in (["go", "."], ["go", "away", "now"])]
    padded, lengths = pad_sequences(rows, value=vocab["<pad>"])
    assert padded.T.tolist() == [[3, 4, 2, 1], [3, 0, 0, 2]]
    assert lengths.tolist() == [3, 4]


def test_one_step_against_multi_step(sine):
    x, model, _ = sine
    ahead = one_step(model.predict, x, LAGS)[TRAINING:]
    free = multi_step(model.predict, x[:604], LAGS, 396)
    assert root_mean_square(ahead, x[604:]) < 0.3
    assert root_mean_square(free, x[604:]) > 2 * root_mean_square(ahead, x[604:])
    assert np.ptp(free[-100:]) < 1e-3 < np.ptp(SINE[-100:])  # it stands still
