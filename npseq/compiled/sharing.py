"""The units of a layer are shared by threads, each of which runs the loop over time for its own."""

from collections.abc import Callable
from typing import Any

import numpy as np

from npseq.threads import run, together

SMALL = 500_000  # operations of a step, up to which a second thread gains less than meeting it costs
RELEASED = 1 << 62  # more than any meeting waits for


def shared(function: Callable[..., object], given: tuple[Any, ...], sequences: int, operations: int) -> None:
    """Calls function(*given, arrived, (sequences, part, count)) for each part, on threads that wait for each other.

    What a unit becomes is the same to the last bit, however many there are.
    """
    arrived = np.zeros(1, np.int64)
    with together() as available:
        count = 1 if operations < SMALL else available
        run(lambda part: function(*given, arrived, (sequences, part, count)), count, lambda: arrived.fill(RELEASED))
