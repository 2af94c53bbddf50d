"""Gradient assertions for unit tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from npseq.backend import Array
from npseq.gradcheck.check import Gradient, gradcheck
from npseq.gradcheck.function import Scalar


def assert_gradients(
    f: Callable[[dict[str, Array]], Scalar],
    at: Mapping[str, Array],
    gradient: Gradient,
    method: str = "central",
    rtol: float | None = None,
    rng: int | np.random.Generator | None = None,
) -> None:
    """Raise AssertionError with the table of `npseq.gradcheck` unless every tensor's gradient passes.

    The arguments, and the errors raised for wrong ones, are those of `gradcheck`. What it cannot decide fails too.
    """
    __tracebackhide__ = True  # pytest shows the caller's line
    report = gradcheck(f, at, gradient, method=method, rtol=rtol, rng=rng)
    if not report:
        raise AssertionError(f"\n{report}")
