"""Gradients are clipped in place, by their joint norm or entry by entry."""

import cmath
import math
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from npseq.arguments import array as an_array
from npseq.arguments import mapping, number
from npseq.backend import Array, array_module


def clip_grad_norm(grads: Mapping[str, Array], max_norm: float) -> Array | float:
    """Scales grads in place by min(1, max_norm / norm) and returns norm, their joint 2-norm before that.

    It is one norm over all entries (Pascanu, Mikolov & Bengio 2013, arXiv 1211.5063), added up in the dtype of the
    gradients (float32: about 6 digits); where squares overflow, over the gradients divided by the largest. A norm that
    is nan or inf is returned and leaves grads as they are.

    Args:
        grads: {name: array}, floating or complex, written in place.
        max_norm: the largest norm allowed; math.inf only measures.

    Returns:
        On the host a Python float (complex gradients: the analytic sqrt(sum_i g_i^2)); on a GPU a 0-d array, without
        waiting for it.

    Raises:
        TypeError: for arrays that are not floating, or real and complex ones together.
        ValueError: for a max_norm that is negative or nan, and for arrays that are read-only.

    Example:
        >>> grads = {"w": np.array([3.0]), "b": np.array([4.0])}
        >>> ns.clip_grad_norm(grads, 1.0), grads["w"].round(6).tolist()
        (5.0, [0.6])
    """
    if not number("max_norm", max_norm) >= 0:
        raise ValueError(f"max_norm must not be negative, got {max_norm}; inf only measures")
    arrays = [array for array in _arrays(grads) if array.size]
    xp = array_module(*arrays)
    norm = _host_norm(arrays) if xp is np else _scaled_norm(xp, arrays)
    if xp is np and not (cmath.isfinite(norm) and norm.real > max_norm):
        return norm
    _check_writable(xp, arrays)
    if xp is np:
        factor = max_norm / norm
    else:
        factor = xp.where(xp.isfinite(norm) & (norm.real > max_norm), max_norm / norm, 1).astype(norm.dtype)
    for array in arrays:
        array *= factor
    return norm


def clip_grad_value(grads: Mapping[str, Array], limit: float) -> None:
    """Clamps every entry of grads, in place, to [-limit, limit]; nan stays nan.

    Args:
        grads: {name: array}, floating or complex (clamped by the real part), written in place.
        limit: the largest size of an entry.

    Raises:
        TypeError: for arrays that are not floating, or real and complex ones together.
        ValueError: for a limit that is negative or nan, and for arrays that are read-only.

    Example:
        >>> grads = {"w": np.array([3.0, -0.5])}
        >>> ns.clip_grad_value(grads, 1.0)
        >>> grads["w"].tolist()
        [1.0, -0.5]
    """
    if not number("limit", limit) >= 0:
        raise ValueError(f"limit must not be negative, got {limit}; entries are clamped to [-limit, limit]")
    xp = array_module(*_arrays(grads))
    _check_writable(xp, _arrays(grads))
    for array in _arrays(grads):
        xp.copyto(array, limit, where=array.real > limit)
        xp.copyto(array, -limit, where=array.real < -limit)


def _host_norm(arrays: list[Array]) -> Any:
    with np.errstate(over="ignore", invalid="ignore"):
        squares = _sum_of_squares(np, arrays).item()
        norm = (cmath if isinstance(squares, complex) else math).sqrt(squares)
        scaled = norm if cmath.isfinite(norm) else _scaled_norm(np, arrays).item()
    return scaled if cmath.isfinite(scaled) else norm


def _scaled_norm(xp: ModuleType, arrays: list[Array]) -> Array:
    """Returns the 2-norm of entries too large to be squared: the largest times the norm of the scaled entries."""
    largest = xp.stack([abs(array.real).max() for array in arrays]).max()
    largest = xp.where(xp.isfinite(largest), largest, xp.ones_like(largest))  # inf stays inf
    largest = largest + (largest == 0)
    return largest * xp.sqrt(_sum_of_squares(xp, [array / largest for array in arrays]))


def _sum_of_squares(xp: ModuleType, arrays: list[Array]) -> Array:
    squares = [xp.dot(flat, flat) for flat in (array.reshape(-1) for array in arrays)]
    return sum(squares[1:], squares[0]) if squares else xp.zeros(())  # not from 0: NumPy 1 makes that float64


def _arrays(grads: Mapping[str, Array]) -> list[Array]:
    flat = getattr(mapping("grads", grads), "flat", None)
    return [an_array(f"grads[{name!r}]", value) for name, value in grads.items()] if flat is None else [flat]


def _check_writable(xp: ModuleType, arrays: list[Array]) -> None:
    if wrong := [array.dtype for array in arrays if array.dtype.kind not in "fc"]:
        raise TypeError(f"grads must be floating or complex, got {wrong[0]}; convert them with astype")
    if len({array.dtype.kind for array in arrays}) > 1:
        raise TypeError("grads must be all real or all complex, got both; convert them with astype")
    if xp is np and not all(array.flags.writeable for array in arrays):
        raise ValueError("grads must be writable, one of them is read-only; take a copy of it")
