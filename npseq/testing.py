"""assert_gradients checks a gradient in a unit test."""

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
    """Raises AssertionError with the table of `npseq.gradcheck` unless every tensor passes; "inconclusive" fails too.

    The arguments, and the errors raised for wrong ones, are those of `gradcheck`.

    Args:
        f: {name: array} -> scalar.
        at: {name: real floating array}, the point.
        gradient: {name: array}, or a function that makes one from copies of `at`.
        method: "central", "complex", "directional" or "taylor".
        rtol: the largest error that passes, relative to the scale of the tensor; None is the method's default.
        rng: seed or Generator of the random directions; None takes the same ones every time.

    Raises:
        AssertionError: if a tensor does not pass.

    Example:
        >>> ns.testing.assert_gradients(lambda at: at["x"].sum(), {"x": np.ones(2)}, {"x": np.ones(2)})
    """
    __tracebackhide__ = True  # pytest shows the caller's line
    report = gradcheck(f, at, gradient, method=method, rtol=rtol, rng=rng)
    if not report:
        raise AssertionError(f"\n{report}")
