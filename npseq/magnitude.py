"""Products and norms that hold at every size: of what has no weight, of what overflows, and of what vanishes."""

from collections.abc import Iterable
from types import ModuleType
from typing import Any

import numpy as np

from npseq.backend import Array, array_module


def blank(xp: ModuleType, array: Array, weight: Array | float) -> Array:
    """Returns the array with 0 wherever its weight is 0, so that what stands there, inf or nan, reaches nothing."""
    if isinstance(weight, float) or (xp is np and weight.all()):
        return array
    kept: Array = xp.where(weight != 0, array, 0)
    return kept


def weighed(xp: ModuleType, array: Array, weight: Array) -> Array:
    """Returns the product, which is 0 wherever the weight is, whatever the array holds there."""
    return blank(xp, array, weight) * weight


def scaled(array: Array, axes: Any = None) -> tuple[Array, Array]:
    """Returns a real array divided by its largest size along the axes, and that size, of length 1 along them.

    The size is 1 where all is 0, and where something is not finite.
    """
    xp = array_module(array)
    if not array.size:
        return array, xp.ones_like(array.sum(axis=axes, keepdims=True))
    largest = abs(array).max(axis=axes, keepdims=True)
    size = xp.where(xp.isfinite(largest) & (largest > 0), largest, xp.ones_like(largest))
    return array / size, size


def norm(array: Array, axes: Any = None) -> Array:
    """Returns the 2-norm of a real array along the axes, of which no square overflows or vanishes."""
    parts, size = scaled(array, axes)
    whole: Array = (size * np.sqrt(np.square(parts).sum(axis=axes, keepdims=True))).squeeze(axes)
    return whole


def joint_norm(arrays: Iterable[Array], axes: Any = None) -> Array:
    """Returns the 2-norm of several real arrays together; what the axes leave of each has one shape."""
    norms = [norm(array, axes) for array in arrays]
    return norm(array_module(*norms).stack(norms), 0)
