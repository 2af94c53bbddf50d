"""How a command words what it has measured on a text."""

import math
from typing import Any


def bits(nats: float) -> float:
    """Returns a loss in bits."""
    return nats / math.log(2)


def unit_of(config: Any) -> str:
    """Returns what a token of a run is: a character, a word, or, without a run, a token."""
    return "token" if config is None else {"char": "character"}.get(config.token, "word")
