"""docs/derivations/hmm.md: its printed lines on random scores, and what checks each printed formula."""

from functools import cache
from itertools import pairwise, product

import numpy as np
from cell_pages import by_entry
from evaluation import Names, every, holds
from mathematics import Equation
from printed import blocks, run, text_of

TEXT = text_of("docs/derivations/hmm.md")
T, S = 4, 3
STEPS, STATES = range(1, T + 1), range(S)
PATHS = list(product(STATES, repeat=T))
RNG = np.random.default_rng(0)
SCORES = {"a": RNG.normal(size=S), "w": RNG.normal(size=(S, S)), "u": RNG.normal(size=(T + 1, S))}  # u_0 is not used


def score(path: tuple[int, ...], a: np.ndarray, w: np.ndarray, u: np.ndarray) -> np.ndarray:
    steps = sum(w[i, j] for i, j in pairwise(path))
    return a[path[0]] + steps + sum(u[t, i] for t, i in enumerate(path, 1))


def log_sum(a: np.ndarray, w: np.ndarray, u: np.ndarray) -> np.ndarray:
    """L over all paths, written out."""
    return np.log(sum(np.exp(score(path, a, w, u)) for path in PATHS))


@cache
def lines() -> Names:
    return run(blocks(TEXT), {**SCORES, "T": T})


def tabled(held: dict[int, np.ndarray]) -> np.ndarray:
    """What a letter stands for at every step, one index more; where nothing stands, nan."""
    return np.array([held.get(t, np.full_like(held[1], np.nan)) for t in range(T + 1)])


@cache
def names() -> Names:
    """L and its derivatives from all paths; the sums on the way from the lines, which a test holds against the code."""
    made = lines()
    by_step = {name: tabled(held) for name, held in made.items() if isinstance(held, dict) and 1 in held}
    by = {f"@L/@{name}": by_entry(lambda at, n=name: log_sum(**(SCORES | {n: at})), SCORES[name]) for name in SCORES}
    return {**made, **by_step, **by, "L": log_sum(**SCORES), "domains": {"i": STATES, "j": STATES}}


def at(**ranges: range) -> object:
    def check(equation: Equation) -> None:
        holds(equation, names(), every(**ranges))

    return check


EARLY = range(1, T)
CHECKS = {
    "M1": at(j=STATES),
    "M2": at(t=EARLY, j=STATES),
    "M3": at(),
    "M4": at(j=STATES),
    "M5": at(t=EARLY, i=STATES, j=STATES),
    "M6": at(t=EARLY, i=STATES),
    "M7": at(t=STEPS, i=STATES),
    "M8": at(i=STATES, j=STATES),
    "M9": at(t=EARLY, i=STATES),
    "M10": at(j=STATES),
    "M11": at(t=EARLY, j=STATES),
}
NOTATION = {r"\beta_{Tj} = 0": "where the recursion begins"}
