"""What an exercise consists of: a task, the names that are given, the lines to write, hints in three steps."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Line:
    """A line to write.

    Args:
        name: of the result.
        right: one way to write it, in the letters of docs/derivations; empty where it takes a loop.
        label: of its equation in docs/derivations; empty where none stands there.
        slips: what is often written instead, and in which words it is wrong.
    """

    name: str
    right: str = ""
    label: str = ""
    slips: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Task:
    """An exercise in the letters of docs/derivations, for batches in rows.

    Args:
        topic: "softmax", "rnn", "gru", "lstm" or "truncation".
        number: counted from 1 in its topic.
        title: in a few words.
        text: what to derive; names stand in backticks.
        forward: the lines whose gradient is asked for.
        given: the names that the function takes, in order.
        lines: those to write, in an order in which each reads those before it alone.
        hints: three, each saying more.
        numbers: makes {name: array} of all that is given.
        whole: makes the layer and the arguments by which `npseq.diagnose` judges a whole backward pass; None where
            every line is an expression.
        solution: the body of the function where it takes a loop, by letters.
        ng: the lines in Ng's letters, where they are not the same ones.
        ng_given: the names given then.
    """

    topic: str
    number: int
    title: str
    text: str
    forward: tuple[str, ...]
    given: str
    lines: tuple[Line, ...]
    hints: tuple[str, str, str]
    numbers: Callable[[], Arrays]
    whole: Callable[[], tuple[Any, Any, Any, Any]] | None = None
    solution: tuple[tuple[str, str], ...] = ()
    ng: tuple[Line, ...] = ()
    ng_given: str = ""


def drawn(seed: int, **shapes: tuple[int, ...]) -> Arrays:
    """Normal numbers of these shapes."""
    rng = np.random.default_rng(seed)
    return {name: 0.6 * rng.normal(size=shape) for name, shape in shapes.items()}
