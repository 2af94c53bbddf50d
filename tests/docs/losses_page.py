"""docs/derivations/losses.md: its printed lines, run beside random arrays, and what checks each printed formula."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from cell_pages import by_entry
from evaluation import Names, every, holds
from mathematics import Equation
from printed import blocks, run, sigmoid, text_of

import npseq as ns

TEXT = text_of("docs/derivations/losses.md")
N, V = 6, 4
RNG = np.random.default_rng(0)
Z, IDS, S = 3 * RNG.normal(size=(N, V)), RNG.integers(0, V, N), 0.1
Y, P = RNG.uniform(size=N), RNG.uniform(0.1, 1, N)
WEIGHTS = np.array([1.0, 0, 2, 0.5, 0, 1])
DOMAINS = {"n": range(N), "k": range(V)}


@cache
def softmax_names(smoothing: float = 0.0) -> Names:
    """The lines' values; the loss of every position and its derivative are npseq's, the latter by a complex step."""
    lines = run(blocks(TEXT, "cross-entropy"), {"z": Z, "onehot": np.eye(V)[IDS], "w": WEIGHTS, "s": S, "V": V})

    def of(logits: Any, reduction: str, weights: Any = None) -> Any:
        return ns.softmax_cross_entropy(logits, IDS, weights=weights, label_smoothing=smoothing, reduction=reduction)[0]

    by_logits = by_entry(lambda at: np.sum(of(at, "none")), Z)
    derivative = lambda n, *at: by_logits[n] if at == (n,) else by_logits[at]  # noqa: E731
    values = {"l": of(Z, "none"), "L": of(Z, "mean", WEIGHTS), "dz": by_entry(lambda at: of(at, "mean", WEIGHTS), Z)}
    return {**lines, **values, "m": Z.max(axis=1), "y": IDS, "@l/@z": derivative, "domains": DOMAINS}


@cache
def log_sum_exp_names() -> Names:
    """One position's logits."""
    p = np.exp(Z[0]) / np.exp(Z[0]).sum()
    return {"z": Z[0], "p": p, "domains": DOMAINS}


@cache
def binary_names() -> Names:
    """All positions, entry by entry; the loss and its derivative are npseq's."""
    lines = run(blocks(TEXT, "binary"), {"z": Z[:, 0], "y": Y, "w": WEIGHTS})
    l = ns.binary_cross_entropy(Z[:, 0], Y, reduction="none")[0]
    by_logit = by_entry(lambda at: np.sum(ns.binary_cross_entropy(at, Y, reduction="none")[0]), Z[:, 0])
    by_p = by_entry(lambda p: np.sum(-Y * np.log(p) - (1 - Y) * np.log(1 - p)), lines["p"])
    return {**lines, "sigma": sigmoid, "l": l, "@l/@z": by_logit, "@l/@p": by_p}


def one_by_one(make: Callable[[], Names], *letters: str) -> Callable[[Equation], None]:
    """At every position, these letters being numbers there."""

    def check(equation: Equation) -> None:
        for n in range(N):
            names = make()
            holds(equation, names | {letter: names[letter].ravel()[n] for letter in letters})

    return check


@cache
def squared_names() -> Names:
    u, v = Z, RNG.normal(size=Z.shape)
    l = ns.mean_squared_error(u, v, reduction="none")[0]
    by_u = by_entry(lambda at: np.sum(ns.mean_squared_error(at, v, reduction="none")[0]), u)
    return {"u": u, "v": v, "l": l, "@l/@u": by_u}


def perplexity_names(probabilities: Any = P) -> Names:
    nll = -np.log(probabilities)
    of = lambda nll: ns.perplexity(np.mean(nll))  # noqa: E731
    by_loss = by_entry(lambda at: np.exp(np.mean(at)), nll)
    ours = {"perplexity": of(nll), "@perplexity/@l": lambda n: by_loss[n], "l": nll, "L": np.mean(nll)}
    return {**ours, "P": probabilities, "N": N, "domains": DOMAINS}


def means(equation: Equation) -> None:
    """(E17): as printed, and the same three times where all P are equal, so that no factor can be missing."""
    holds(equation, perplexity_names())
    equal = perplexity_names(np.full(N, 0.3))
    holds(equation._replace(relations=("=",) * len(equation.relations)), equal)


def jensen(equation: Equation) -> None:
    holds(equation, perplexity_names() | {"a": 1 / P})
    equal = perplexity_names() | {"a": np.full(N, 0.3)}
    holds(equation._replace(relations=("=",) * len(equation.relations)), equal)


def over(make: Callable[..., Names], *given: Any, **ranges: Any) -> Callable[[Equation], None]:
    return lambda equation: holds(equation, make(*given), every(**ranges))


binary = one_by_one(binary_names, "z", "p", "y", "l", "@l/@z", "@l/@p")
squared = one_by_one(squared_names, "u", "v", "l", "@l/@u")
position, entry = {"n": range(N)}, {"n": range(N), "j": range(V)}
weighed = {"n": np.flatnonzero(WEIGHTS)}
CHECKS = {
    "E1": over(softmax_names),
    "E2": over(softmax_names, **weighed),
    "E3": over(softmax_names, **entry),
    "E4": over(softmax_names, **position),
    "E5": over(softmax_names, **entry),
    "E6": over(softmax_names, **position),
    "E7": over(softmax_names, S, **position),
    "E8": over(softmax_names, S, **entry),
    **dict.fromkeys(("E9", "E10", "E11", "E12"), binary),
    **dict.fromkeys(("E13", "E14"), squared),
    "E15": over(perplexity_names),
    "E16": over(perplexity_names),
    "E17": means,
    r"e^{z_j} / \sum_k e^{z_k} = p_j": over(log_sum_exp_names, j=range(V)),
    r"\partial l / \partial p = -y / p + (1 - y) / (1 - p)": binary,
    "-y (1 - p) + (1 - y) p = p - y": binary,
    r"1 - \sigma(z) = \sigma(-z)": binary,
    r"-\log \sigma(z) = \log(1 + e^{-z})": binary,
    r"l_n = -\log P_n": over(perplexity_names, **position),
    r"\frac 1N \sum_n \log a_n \le \log(\frac 1N \sum_n a_n)": jensen,
    r"\partial \mathrm{perplexity} / \partial l_n = e^L / N": over(perplexity_names, **position),
}
NOTATION = {
    "w_n = 0": "what a letter is for a padded position",
    "j = y": "a case",
    r"y \in [0, 1]": "what a letter stands for",
    "a_n = 1 / P_n": "what is put into a proof",
    "a_n = P_n": "what is put into a proof",
}
