"""What evaluates the docstrings of models that count, Markov chains and n-grams, and of training."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from docstrings import Docstring, check
from evaluation import every, holds, solve, value
from printed import assert_same

import npseq as ns
from npseq.models.counting import markov, ngrams
from npseq.training.truncation_spec import read_truncation

RNG = np.random.default_rng(0)


P = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.4, 0.4, 0.2]])
INITIAL = np.array([0.5, 0.2, 0.3])


@check("npseq.models.counting.markov:")
def chain(printed: Docstring) -> None:
    equation = printed("P(x_1 .. x_T) = P(x_1) prod_{t=2..T} P(x_t | x_{t-1})")
    states = np.array([2, 0, 0, 1])

    class Label(int):
        """A state that knows when it was: P of the first and the last is that of the whole sequence."""

    x = {t: Label(state) for t, state in enumerate(states, 1)}

    def chance(first: Any, given: Any = None) -> Any:
        if given is None:
            return INITIAL[first]
        whole = first is x[1] and given is x[4]
        return np.exp(markov.log_prob(states, INITIAL, P)) if whole else P[given, first]

    holds(equation, {"P": chance, "x": x, "T": 4, "domains": {}})


@check("npseq.models.counting.markov:log_prob")
def log_prob_of_states(printed: Docstring) -> None:
    formula = printed("log P(x_1 .. x_T)")
    names = {"P": lambda a, b: INITIAL[a] * P[a, b], "x_1": 2, "x_T": 1}
    assert_same(value(formula.sides[0], names), markov.log_prob(np.array([2, 1]), INITIAL, P), formula.text)


@check("npseq.models.counting.markov:transition_matrix")
def transition_matrix(printed: Docstring) -> None:
    printed.notation("e = smoothing", "an argument's letter")
    printed.notation("0 / 0", "what a row would be, and is refused")
    equation, states = printed("P[i, j] = (n(i, j) + e / S) / (n(i) + e)"), np.array([0, 1, 0, 2, 1, 1, 0, 2])

    def n(i: int, j: Any = None) -> int:
        return sum(a == i and j in (None, b) for a, b in itertools.pairwise(states.tolist()))

    found = markov.transition_matrix(states, 3, smoothing=0.5)
    holds(equation, {"P": found, "n": n, "e": 0.5, "S": 3}, every(i=range(3), j=range(3)))


@check("npseq.models.counting.markov:propagate")
def propagate(printed: Docstring) -> None:
    printed.notation("steps S^2", "a cost")
    printed.notation("S^steps", "a cost")
    found = markov.propagate(INITIAL, P, 3)
    p = lambda t: lambda i: found[t, i]  # noqa: E731
    names = {"p": p, "P": P, "domains": {"i": range(3)}}
    holds(printed("p_{t+1}(j) = sum_i p_t(i) P[i, j]"), names, every(t=range(3), j=range(3)))


@check("npseq.models.counting.markov:stationary")
def stationary(printed: Docstring) -> None:
    fixed, solved, whole = printed("p = p P"), printed("p (I - P) = 0"), printed("sum p = 1")
    names: dict[str, Any] = {"p": INITIAL, "P": P, "sum": np.sum}
    for _ in range(61):  # from any other distribution it leads to the stationary one
        solve(fixed, names)
    assert_same(names["p"], markov.stationary(P), fixed.text)
    names |= {"p": markov.stationary(P), "I": np.eye(3)}
    holds(whole, names)
    left, right = (value(side, names) for side in solved.sides)
    assert_same(value(solved.sides[0], names | {"p": 2 * INITIAL}), 2 * (INITIAL - INITIAL @ P), solved.text)
    assert np.abs(left - right).max() < 1e-14


class Count(float):
    """A number that is a function, too: n, and n(x)."""

    def __call__(self, *tokens: int) -> int:
        return self.of(tokens)


@check("npseq.models.counting.ngrams:NGramModel")
def ngram_model(printed: Docstring) -> None:
    printed.notation("k = 2 to order", "what an index runs over")
    unigram, longer = (
        printed("P(x) = (n(x) + e_1 / m) / (n + e_1)"),
        printed("P(x | c) = (n(c, x) + e_k P(x)) / (n(c) + e_k)"),
    )
    uniform = printed("1 / m")
    ids = np.array([0, 1, 0, 2, 1, 1, 0, 2, 0])
    model = ngrams.NGramModel(ids, 4, order=2, smoothing=(0.5, 0.3))
    n, followed = Count(len(ids)), ids[:-1].tolist()
    pairs = list(itertools.pairwise(ids.tolist()))
    n.of = lambda tokens: pairs.count(tokens) if len(tokens) == 2 else ids.tolist().count(tokens[0])
    names: dict[str, Any] = {"n": n, "m": 4, "e": {1: 0.5, 2: 0.3}, "k": 2}
    alone = lambda x: model.probability(x)  # noqa: E731
    holds(unigram, names | {"P": alone}, every(x=range(4)))
    before = Count(len(ids))
    before.of = lambda tokens: pairs.count(tokens) if len(tokens) == 2 else followed.count(tokens[0])
    chance = lambda x, c=None: model.probability(x, () if c is None else (c,))  # noqa: E731
    holds(longer, names | {"n": before, "P": chance}, every(x=range(4), c=range(3)))
    flat = model.with_smoothing(1e18)
    assert_same(value(uniform.sides[0], names), flat.probability(1), uniform.text)


@check("npseq.models.counting.ngrams:NGramModel.log_prob")
def ngram_log_prob(printed: Docstring) -> None:
    formula, first = printed("log P(x_1 .. x_n)"), printed("P(x_1) P(x_2 | x_1)")
    model = ngrams.NGramModel(np.array([0, 1, 0, 2, 1, 1, 0, 2]), 3, order=2)
    found = model.log_prob(np.array([1, 0]))
    chance = lambda x, c=None: model.probability(x, () if c is None else (c,))  # noqa: E731
    product = value(first.sides[0], {"P": chance, "x_1": 1, "x_2": 0})
    assert_same(np.log(product), found, first.text)
    whole = {"P": lambda a, b: {(1, 0): product}[a, b], "x_1": 1, "x_n": 0}
    assert_same(value(formula.sides[0], whole), found, formula.text)


@check("npseq.models.counting.ngrams:NGramModel.perplexity")
def ngram_perplexity(printed: Docstring) -> None:
    printed.notation("P = 0", "a case")
    formula = printed("-log P")
    ids = np.array([0, 1, 0, 2, 1, 1, 0, 2])
    model = ngrams.NGramModel(ids, 3, order=2, smoothing=0.5)
    chances = np.array([model.probability(b, (a,)) for a, b in itertools.pairwise(ids.tolist())])
    assert_same(np.exp(np.mean(value(formula.sides[0], {"P": chances}))), model.perplexity(ids), formula.text)


@check("npseq.models.counting.ngrams:table_size")
def table_size(printed: Docstring) -> None:
    assert value(printed("V^n").sides[0], {"V": 28, "n": 3}) == ngrams.table_size(28, 3)


@check("npseq.models.counting.ngrams:ZipfFit")
def zipf(printed: Docstring) -> None:
    ranks = np.arange(1, 31)
    fit = ngrams.fit_zipf(np.exp(5 - 1.3 * np.log(ranks)))
    names = {"n": fit.count, "alpha": fit.alpha, "c": fit.c}
    holds(printed("log n_i = -alpha log i + c"), names, every(i=range(1, 6)))
    assert abs(fit.alpha - 1.3) < 1e-12 > abs(fit.c - 5)


@check("npseq.training.chunks:")
def chunks(printed: Docstring) -> None:
    printed.notation("h = k2 and h' = k1", "two papers' letters of the same numbers")
    printed.notation("k1 = k2", "a case")
    printed.notation("k1 = 1", "a case")


@check("npseq.training.metrics:EpochMetrics")
def metrics(printed: Docstring) -> None:
    formula = printed("exp(loss)")
    assert_same(value(formula.sides[0], {"loss": 1.3}), ns.perplexity(1.3), formula.text)


@check("npseq.training.metrics:as_array")
def whole_numbers(printed: Docstring) -> None:
    """The first whole number whose successor float64 does not have."""
    limit = value(printed("2^53").sides[0], {})
    assert float(limit) == float(limit + 1)
    assert float(limit - 1) != float(limit)


@check("npseq.training.distributed.shard:")
def shares(printed: Docstring) -> None:
    share, losses = printed("n / B"), RNG.normal(size=7)
    parts = [losses[:2], losses[2:]]
    total = sum(value(share.sides[0], {"n": len(part), "B": 7}) * part.mean() for part in parts)
    assert_same(total, losses.mean(), share.text)


@check("npseq.training.run:train")
def resumed(printed: Docstring) -> None:
    printed.notation("`run = Run.resume(out)`", "code")


@check("npseq.training.truncation_spec:read_truncation")
def geometric(printed: Docstring) -> None:
    read = read_truncation("roulette:0.6")
    holds(printed("survival(k) = P^k"), {"survival": read.survival, "P": 0.6}, every(k=range(4)))
