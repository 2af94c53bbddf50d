"""Activations over all units of a sequence: each output depends on every input.

Keras allows them in its recurrent layers. The adjoint of the input is no product with a derivative, entry by entry, but
the transpose of a Jacobian times the adjoint of the output: `pull_back`. The numbers (H, ..., B) are those of H units.
"""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np

from npseq.activations.activated import Activated
from npseq.activations.activation import activation_of, derivative_of
from npseq.backend import Array, array_module

PullBack = Callable[[Array, Array, Array], Array]  # (dy, x, y) -> dx


class OverUnits(NamedTuple):
    """A function of (x, axis), and (dy, y) -> dx over the first axis."""

    function: Callable[[Array, int], Array]
    pull_back: Callable[[Array, Array], Array]


def softmax(x: Array, axis: int = 0) -> Array:
    """Returns exp(x) / sum(exp(x)), the sum over the units."""
    e = np.exp(x - x.real.max(axis=axis, keepdims=True))
    y: Array = e / e.sum(axis=axis, keepdims=True)
    return y


def softmax_back(dy: Array, y: Array) -> Array:
    """dx_i = y_i (dy_i - sum_j y_j dy_j)."""
    dx: Array = y * (dy - (y * dy).sum(axis=0, keepdims=True))
    return dx


def log_softmax(x: Array, axis: int = 0) -> Array:
    """Returns x - log(sum(exp(x)))."""
    shifted = x - x.real.max(axis=axis, keepdims=True)
    y: Array = shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
    return y


def log_softmax_back(dy: Array, y: Array) -> Array:
    """dx_i = dy_i - exp(y_i) sum_j dy_j."""
    dx: Array = dy - np.exp(y) * dy.sum(axis=0, keepdims=True)
    return dx


def sparsemax(x: Array, axis: int = 0) -> Array:
    """Returns max(x - tau, 0) with the tau for which the sum is 1 (Martins & Astudillo 2016, arXiv 1602.02068).

    Of the k largest numbers, for the largest k at which the k-th is above it, tau is (their sum - 1) / k.
    """
    down = np.take_along_axis(x, np.argsort(-x.real, axis=axis), axis)
    shape = [1] * x.ndim
    shape[axis] = -1
    ranks = array_module(x).arange(1, x.shape[axis] + 1).reshape(shape)
    sums = np.cumsum(down, axis=axis) - 1
    count = (down.real * ranks > sums.real).sum(axis=axis, keepdims=True)
    tau = np.take_along_axis(sums, count - 1, axis) / count.astype(x.real.dtype)
    return np.where(x.real > tau.real, x - tau, 0.0)


def sparsemax_back(dy: Array, y: Array) -> Array:
    """dx_i = dy_i - the mean of dy, both over those units alone whose y is above 0."""
    inside = y.real > 0
    count = inside.sum(axis=0, keepdims=True).astype(y.real.dtype)
    return np.where(inside, dy - np.where(inside, dy, 0.0).sum(axis=0, keepdims=True) / count, 0.0)


FUNCTIONS = {
    "softmax": OverUnits(softmax, softmax_back),
    "log_softmax": OverUnits(log_softmax, log_softmax_back),
    "sparsemax": OverUnits(sparsemax, sparsemax_back),
}


class ActivatedOverUnits(Activated):
    """The part of a cell whose activations may be over units; it keeps the inputs, and has

    pull_backs    (dy, x, y) -> dx, one of each option, in place of derivatives
    """

    pull_backs: tuple[PullBack, ...]
    keeps: ClassVar[bool] = True  # type: ignore[misc]
    fused: ClassVar[bool] = False  # there are kernels for means and sums over units, for a maximum there are none

    def __post_init__(self) -> None:
        self._check_options()
        looked_up = [_looked_up(option, getattr(self, option)) for option in self.activated]
        for option, (text, _, _) in zip(self.activated, looked_up, strict=True):
            object.__setattr__(self, option, text)
        object.__setattr__(self, "functions", tuple(function for _, function, _ in looked_up))
        object.__setattr__(self, "pull_backs", tuple(pull_back for _, _, pull_back in looked_up))


def _looked_up(option: str, value: Any) -> tuple[str, Any, Any]:
    """The text, the function as a cell calls it, and its pull-back."""
    if isinstance(value, str) and value in FUNCTIONS:
        found = FUNCTIONS[value]
        return value, _Written(found.function), _Back(found.pull_back)
    one = activation_of(option, value)
    return str(one), one.function, _Times(derivative_of(one, output=False))


class _Written(NamedTuple):
    """(x, out) of a block (H, B), or of several side by side: over the last axis but one."""

    function: Any

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        y: Array = self.function(x, x.ndim - 2)
        if out is None:
            return y
        out[...] = y
        return out


class _Back(NamedTuple):
    back: Any

    def __call__(self, dy: Array, x: Array, y: Array) -> Array:
        dx: Array = self.back(dy, y)
        return dx


class _Times(NamedTuple):
    derivative: Any

    def __call__(self, dy: Array, x: Array, y: Array) -> Array:
        dx: Array = dy * self.derivative(x)
        return dx
