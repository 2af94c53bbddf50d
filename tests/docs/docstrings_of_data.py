"""What evaluates the docstrings of data."""

from __future__ import annotations

from typing import Any

import numpy as np
from docstrings import Docstring, check
from evaluation import every, holds, value
from printed import assert_same

from npseq import data

X = np.random.default_rng(0).normal(size=5)


@check("npseq.data.series:noisy_sine")
def noisy_sine(printed: Docstring) -> None:
    printed.notation("t = 1 to length", "what an index runs over")
    found = data.noisy_sine(20, 0.2, rng=0, dtype=np.float64)
    noise = np.random.default_rng(0).normal(0, 0.2, 20)
    names = {"x": {t: found[t - 1] for t in range(1, 21)}, "sin": np.sin, "noise": 0.2}
    equation = printed("x_t = sin(0.01 t) + N(0, noise^2)")
    for t in range(1, 21):
        drawn = lambda mean, variance, t=t: mean + variance**0.5 / 0.2 * noise[t - 1]  # noqa: E731
        holds(equation, names | {"N": drawn, "t": t})


@check("npseq.data.series:lagged_windows")
def lagged_windows(printed: Docstring) -> None:
    printed.notation("tau = lags", "two names of one number")
    printed.words("windows[i] = series[i], ..., series[i + lags - 1]")
    target = printed("target[i] = series[i + lags]")
    windows, targets = data.lagged_windows(X, 2)
    for i in range(3):
        assert windows[i].tolist() == [X[i], X[i + 1]]
    holds(target, {"target": targets, "series": X, "lags": 2}, every(i=range(3)))


@check("npseq.data.batches:random_windows")
def random_windows(printed: Docstring) -> None:
    printed.notation("B = batch_size, T = steps", "arguments' letters")
    enough, for_every_offset = printed("B * T + 1"), printed("(B + 1) * T")
    fewest(data.random_windows, enough)
    offsets(data.random_windows, for_every_offset, 4)


@check("npseq.data.batches:sequential_windows")
def sequential_windows(printed: Docstring) -> None:
    offsets(data.sequential_windows, printed("(B + 1) * T + 1"), 5)


def fewest(windows: Any, formula: Any) -> None:
    """One token fewer is refused."""
    least = value(formula.sides[0], {"B": 3, "T": 4})
    assert len(list(windows(np.arange(least), 3, 4, 0))) == 1
    try:
        windows(np.arange(least - 1), 3, 4, 0)
    except ValueError:
        return
    raise AssertionError(f"{least - 1} tokens are enough")


def offsets(windows: Any, formula: Any, all_of_them: int) -> None:
    """From so many tokens on every offset can be drawn, and with one token fewer not."""
    enough = value(formula.sides[0], {"B": 3, "T": 4})
    for tokens, expected in ((enough, all_of_them), (enough - 1, all_of_them - 1)):
        firsts = {min(x.min() for x, _ in windows(np.arange(tokens), 3, 4, seed)) for seed in range(60)}
        assert len(firsts) == expected


@check("npseq.data.batches:one_hot")
def one_hot(printed: Docstring) -> None:
    printed.notation("V = num_classes", "an argument's letter")


@check("npseq.data.pairs:Pairs.least_loss")
def least_loss(printed: Docstring) -> None:
    """Three pairs of one source, two of them alike, and one of another."""
    printed.words("-sum log(pairs of this source and target / pairs of this source)")
    source, target = np.array([[4, 4, 4, 5]]), np.array([[6, 6, 7, 6]])
    pairs = data.Pairs(source, np.ones(4, int), target, np.ones(4, int), None, None)
    assert_same(pairs.least_loss(), -(2 * np.log(2 / 3) + np.log(1 / 3)), "least_loss")
