"""The choice of a token from the scores of all: the likeliest, or one that is drawn from some of them."""

import cmath
from math import isnan
from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import integer, number
from npseq.backend import Array, to_host


class Choice(NamedTuple):
    """How a token is drawn from P^(1 / temperature), of the tokens that top_k and top_p leave."""

    temperature: float = 0.0  # 0 takes the likeliest, infinity makes all equally likely
    top_k: int | None = None  # the likeliest so many; None for all
    top_p: float | None = None  # the fewest that have this probability together; None for all


def check_choice(temperature: Any, top_k: Any = None, top_p: Any = None) -> Choice:
    """Returns the choice. Raises TypeError or ValueError unless a token can be drawn so."""
    if isnan(number("temperature", temperature)) or temperature < 0:
        raise ValueError(f"temperature must be 0, for the likeliest token, or positive, got {temperature}")
    if top_k is not None:
        top_k = integer("top_k", top_k)
    if top_p is not None and not 0 < (top_p := number("top_p", top_p)) <= 1:
        raise ValueError(f"top_p must lie in (0, 1], got {top_p}; temperature 0 takes the likeliest token alone")
    if temperature == 0 and (top_k is not None or top_p is not None):
        raise ValueError(
            f"temperature must be positive with top_k or top_p, of whose tokens one is drawn, got {temperature}, which "
            "takes the likeliest; give a positive one, or leave top_k and top_p out"
        )
    return Choice(float(temperature), top_k, top_p)


def sample(scores: Array, choice: Choice, rng: np.random.Generator) -> int:
    """Returns a token from softmax(scores / temperature) over those that are left, drawn on the host, in float64.

    Of equal scores the first tokens are left. Raises ValueError for scores that tell nothing: with nan or infinity
    among them.
    """
    best = int(scores.argmax())
    if not cmath.isfinite(highest := scores[best].item()):
        raise ValueError(f"the model's scores must be finite to choose a token, one is {highest}; train it again")
    if choice.temperature == 0:
        return best
    z = to_host(scores).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # what is not the likeliest has no chance; -inf / inf is nan
        p = np.exp((z - z.max()) / choice.temperature)
    p[np.isneginf(z)] = 0.0  # also at a temperature of infinity
    p /= p.sum()
    if choice.top_k is None and choice.top_p is None:
        return int(rng.choice(len(p), p=p))
    order = np.argsort(-z, kind="stable")[: choice.top_k]
    left = p[order] / p[order].sum()
    if choice.top_p is not None:
        count = 1 + int(np.searchsorted(np.cumsum(left), choice.top_p * (1 - 1e-12)))
        order, left = order[:count], left[:count] / left[:count].sum()
    return int(order[rng.choice(len(order), p=left)])
