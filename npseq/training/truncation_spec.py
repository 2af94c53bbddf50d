"""This module reads a truncation from text, as a configuration and the command line write it."""

import math
from collections.abc import Callable
from typing import Any

from npseq.backend import Seed
from npseq.bptt.truncation import HDetach, RandomTruncation, RouletteTruncation, Truncated

FORMS = "full, truncated:STEPS, random:KEEP, roulette:SURVIVAL or h-detach:PROBABILITY"


def read_truncation(text: str, rng: Seed = None) -> Any:
    """Returns the truncation that `text` names, as a layer's backward takes it; None for "full".

    "truncated:K" is Truncated(K), "random:P" RandomTruncation(P), "h-detach:P" HDetach(P), and "roulette:P"
    RouletteTruncation with survival(k) = P^k: each further step back is made with probability P. rng: of the random
    ones. Raises ValueError for anything else, and for an impossible number.
    """
    makers: dict[str, Callable[[float], Any]] = {
        "truncated": lambda number: Truncated(int(number) if number.is_integer() else number),  # type: ignore[arg-type]
        "random": lambda number: RandomTruncation(number, rng),
        "roulette": lambda number: RouletteTruncation(_geometric(number), rng),
        "h-detach": lambda number: HDetach(number, rng),
    }
    kind, colon, rest = text.partition(":")
    if text == "full":
        return None
    if kind not in makers or not colon:
        raise ValueError(f"truncation must be {FORMS}, got {text!r}")
    try:
        number = float(rest)
        if not math.isfinite(number):
            raise ValueError(f"the number must be finite, got {rest}")
        return makers[kind](number)
    except ValueError as error:
        raise ValueError(f"truncation must be {FORMS}, got {text!r}: {error}") from error


def _geometric(keep: float) -> Callable[[int], float]:
    if not 0 < keep <= 1:
        raise ValueError(f"the survival of a step must be a probability in (0, 1], got {keep}")
    return lambda lag: keep**lag
