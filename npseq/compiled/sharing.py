"""The units of a layer are shared by threads, each of which runs the loop over time for its own."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from npseq.threads import run, together

SMALL, SHORT = 300_000, 30_000_000  # operations of a step and of all, up to which a second thread gains nothing
RELEASED = 1 << 62  # more than any meeting waits for


class Work(NamedTuple):
    """What is shared: so many operations a step, in so many panels of units at most."""

    sequences: int
    steps: int
    operations: int
    panels: int


def shared(function: Callable[..., object], given: tuple[Any, ...], work: Work) -> None:
    """Calls function(*given, arrived, (sequences, part, count)) for each part, on threads that wait for each other.

    What a unit becomes is the same to the last bit, however many threads there are.
    """
    arrived = np.zeros(1, np.int64)
    with together() as available:
        pays = work.operations >= SMALL and work.operations * work.steps >= SHORT
        count = min(available, work.panels) if pays else 1
        call: Any = lambda part: function(*given, arrived, (work.sequences, part, count))  # noqa: E731
        run(call, count, lambda: arrived.fill(RELEASED))
