"""assert_gradients checks a gradient in a unit test."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from npseq.gradcheck.check import gradcheck


def assert_gradients(
    f: Any,
    at: Any,
    gradient: Any = None,
    method: str = "central",
    rtol: float | None = None,
    rng: int | np.random.Generator | None = None,
    time_axis: Mapping[str, int] | None = None,
) -> None:
    """Raises AssertionError with the table of `npseq.gradcheck` unless every tensor passes; "inconclusive" fails too.

    The arguments, and the errors raised for wrong ones, are those of `gradcheck`.

    Args:
        f: {name: array} -> scalar, or any other function or layer that `gradcheck` takes.
        at: {name: real floating array}, the point, or a tuple of arguments.
        gradient: {name: array}, or a function that makes one from copies of `at`; None is a framework's own.
        method: "central", "complex", "directional" or "taylor".
        rtol: the largest error that passes, relative to the scale of the tensor; None is the method's default.
        rng: seed or Generator of the random directions; None takes the same ones every time.
        time_axis: {name: axis}: each slice along the axis is judged on its own scale.

    Raises:
        AssertionError: if a tensor does not pass.

    Example:
        >>> ns.testing.assert_gradients(lambda at: at["x"].sum(), {"x": np.ones(2)}, {"x": np.ones(2)})
    """
    __tracebackhide__ = True  # pytest shows the caller's line
    report = gradcheck(f, at, gradient, method=method, rtol=rtol, rng=rng, time_axis=time_axis)
    if not report:
        raise AssertionError(str(report))  # its first line is what pytest's summary shows
