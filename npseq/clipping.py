"""Gradient clipping, by norm and by value."""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from npseq.arguments import array as an_array
from npseq.arguments import number
from npseq.backend import Array, array_module


def clip_grad_norm(grads: Mapping[str, Array], max_norm: float) -> Array | float:
    """Scale grads, in place, by min(1, max_norm / norm); returns norm, the 2-norm over all entries before that.

    One norm over everything: Pascanu, Mikolov & Bengio 2013 (arXiv 1211.5063), d2l. It is added up in the dtype of the
    gradients (float32: about 6 digits); where squares overflow, over the gradients divided by the largest.
    A norm that is nan or inf is returned and leaves grads as they are. On the host a Python float (complex gradients:
    the analytic sqrt(sum_i g_i^2)), on a GPU a 0-d array, without waiting for it.

    Raises ValueError for a max_norm that is negative or nan; inf only measures.
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
    """Clamp every entry of grads, in place, to [-limit, limit]; nan stays nan.

    Raises ValueError for a limit that is negative or nan.
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
    """The 2-norm of entries that may be too large to be squared: the largest, times the norm of entries / largest."""
    largest = xp.stack([abs(array.real).max() for array in arrays]).max()
    largest = xp.where(xp.isfinite(largest), largest, xp.ones_like(largest))  # an infinite one shall stay infinite
    largest = largest + (largest == 0)
    return largest * xp.sqrt(_sum_of_squares(xp, [array / largest for array in arrays]))


def _sum_of_squares(xp: ModuleType, arrays: list[Array]) -> Array:
    squares = [xp.dot(flat, flat) for flat in (array.reshape(-1) for array in arrays)]
    return sum(squares[1:], squares[0]) if squares else xp.zeros(())  # not from 0: NumPy 1 makes that float64


def _arrays(mapping: Mapping[str, Array]) -> list[Array]:
    flat = getattr(mapping, "flat", None)
    if isinstance(flat, np.flatiter) or not hasattr(mapping, "values"):
        raise TypeError(f"grads must map names to arrays, got {type(mapping).__name__}")
    return [an_array(name, value) for name, value in mapping.items()] if flat is None else [flat]


def _check_writable(xp: ModuleType, arrays: list[Array]) -> None:
    if wrong := [array.dtype for array in arrays if array.dtype.kind not in "fc"]:
        raise TypeError(f"grads must be floating or complex, got {wrong[0]}; convert them with astype")
    if len({array.dtype.kind for array in arrays}) > 1:
        raise TypeError("grads must be all real or all complex, got both; convert them with astype")
    if xp is np and not all(array.flags.writeable for array in arrays):
        raise ValueError("grads must be writable, one of them is read-only; take a copy of it")
