"""Numbers a + b eps with eps^2 = 0, whose parts may be complex: a derivative of a derivative, without differences.

The scalar loops of recurrent.py run on them as they stand: eps carries one derivative, a complex step the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class Dual:
    """value + slope eps; both numbers or arrays of numbers of one shape."""

    def __init__(self, value: Any, slope: Any) -> None:
        self.value, self.slope = value, slope

    @property
    def real(self) -> Any:
        return np.real(self.value)

    def __array_function__(self, function, types, args, kwargs):
        if function is np.real:
            return self.real
        condition, x, y = (as_dual(a) for a in args)  # np.where is the only other one that the loops call
        return Dual(*(function(condition.value, a, b) for a, b in zip(x.parts(), y.parts(), strict=True)))

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        return RULES[ufunc](*(as_dual(x) for x in inputs))

    def parts(self) -> tuple[Any, Any]:
        return self.value, self.slope

    def __add__(self, other):
        return np.add(self, other)

    def __sub__(self, other):
        return np.subtract(self, other)

    def __mul__(self, other):
        return np.multiply(self, other)

    def __truediv__(self, other):
        return np.divide(self, other)

    def __radd__(self, other):
        return np.add(other, self)

    def __rsub__(self, other):
        return np.subtract(other, self)

    def __rmul__(self, other):
        return np.multiply(other, self)

    def __rtruediv__(self, other):
        return np.divide(other, self)

    def __neg__(self):
        return Dual(-self.value, -self.slope)


def as_dual(x: Any) -> Dual:
    return x if isinstance(x, Dual) else Dual(x, 0.0)


def _times(a: Dual, b: Dual) -> Dual:
    return Dual(a.value * b.value, a.slope * b.value + a.value * b.slope)


def _over(a: Dual, b: Dual) -> Dual:
    ratio = a.value / b.value
    return Dual(ratio, (a.slope - ratio * b.slope) / b.value)


def _tanh(a: Dual) -> Dual:
    y = np.tanh(a.value)
    return Dual(y, (1 - y * y) * a.slope)


def _exp(a: Dual) -> Dual:
    y = np.exp(a.value)
    return Dual(y, y * a.slope)


RULES = {
    np.add: lambda a, b: Dual(a.value + b.value, a.slope + b.slope),
    np.subtract: lambda a, b: Dual(a.value - b.value, a.slope - b.slope),
    np.multiply: _times,
    np.divide: _over,
    np.tanh: _tanh,
    np.exp: _exp,
    np.negative: lambda a: -a,
}
