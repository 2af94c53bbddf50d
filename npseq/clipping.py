"""Gradients are clipped in place, by their joint norm or entry by entry."""

import cmath
import math
from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from npseq.arguments import flag, floating, mapping, number
from npseq.backend import Array, array_module, to_host
from npseq.parameters import Parameters

PIECE = 1 << 15  # entries whose squares are added up in their own type, in which more lose digits; the rest in float64


def clip_grad_norm(grads: Mapping[str, Array], max_norm: float, *, error_if_nonfinite: bool = False) -> Array | float:
    """Scales grads in place by min(1, max_norm / norm) and returns norm, their joint 2-norm before that.

    It is one norm over all entries (Pascanu, Mikolov & Bengio 2013, arXiv 1211.5063), added up in the dtype of the
    gradients (float32: about 6 digits); where squares overflow or vanish, over the gradients divided by the largest.
    Gradients with a nan or an inf stay as they are, unless they are to be an error.

    Args:
        grads: {name: array}, floating or complex, written in place.
        max_norm: the largest norm allowed; math.inf only measures.
        error_if_nonfinite: whether a nan or an inf raises an error, which names its array; a GPU is waited for then.

    Returns:
        On the host a Python float (complex gradients: the analytic sqrt(sum_i g_i^2)), which may be larger than what
        the dtype of the gradients holds; on a GPU a 0-d array of that dtype, without waiting for it.

    Raises:
        TypeError: for arrays that are not floating, or real and complex ones together.
        ValueError: for a max_norm that is negative or nan, and for arrays that are read-only.
        FloatingPointError: for a gradient that is not finite, where that is asked for; nothing has been written.

    Example:
        >>> grads = {"w": np.array([3.0]), "b": np.array([4.0])}
        >>> ns.clip_grad_norm(grads, 1.0), grads["w"].round(6).tolist()
        (5.0, [0.6])
    """
    check_limit("max_norm", max_norm)
    arrays = [array for array in _arrays(grads) if array.size]
    xp = array_module(*arrays)
    if flag("error_if_nonfinite", error_if_nonfinite):
        _check_finite(xp, grads)
    if xp is not np:
        return _clip_on_device(xp, arrays, max_norm)
    unit, scaled = _host_norm(arrays)
    norm: Array | float = unit * scaled
    if not (cmath.isfinite(scaled) and norm.real > max_norm):
        return norm
    _check_writable(xp, arrays)
    factor = max_norm / norm
    for array in arrays:
        if abs(factor) >= np.finfo(array.dtype).tiny:
            array *= factor
        else:  # the factor would lose digits, or be 0
            with np.errstate(over="ignore"):  # a unit that a narrower array cannot hold makes it 0
                array /= unit
                array /= scaled
                array *= max_norm
    return norm


def _clip_on_device(xp: ModuleType, arrays: list[Array], max_norm: float) -> Array:
    _check_writable(xp, arrays)
    unit, scaled = _scaled_norm(xp, arrays)
    norm = unit.astype(np.float64) * scaled
    factor = xp.where(xp.isfinite(norm) & (norm.real > max_norm), max_norm / norm, 1)
    for array in arrays:
        array *= factor
    return norm.astype(scaled.dtype)


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
    check_limit("limit", limit)
    xp = array_module(*_arrays(grads))
    _check_writable(xp, _arrays(grads))
    for array in _arrays(grads):
        most = limit if limit == math.inf else min(limit, float(np.finfo(array.dtype).max))
        xp.copyto(array, most, where=array.real > most)
        xp.copyto(array, -most, where=array.real < -most)


def check_limit(name: str, value: Any) -> float:
    """Returns a number of at least 0, inf for no limit. Raises TypeError or ValueError for anything else."""
    if not number(name, value) >= 0:
        raise ValueError(f"{name} must not be negative, got {value}; inf is no limit")
    return float(value)


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def _host_norm(arrays: list[Array]) -> tuple[float, Any]:
    """Returns (unit, norm of the arrays divided by it); unit is 1 where no square overflows or vanishes."""
    squares: Any = _sum_of_squares(np, arrays)  # a number, real or complex
    norm = (cmath if isinstance(squares, complex | np.complexfloating) else math).sqrt(squares)
    if cmath.isfinite(norm) and abs(squares) >= sum(array.size * _vanishing(array.dtype) for array in arrays):
        return 1.0, norm
    unit, scaled = (value.item() for value in _scaled_norm(np, arrays))
    return (unit, scaled) if cmath.isfinite(scaled) else (1.0, norm)


@cache
def _vanishing(dtype: np.dtype) -> float:
    """Squares whose mean is below this may have lost digits: below the smallest normal number they are rounded."""
    return float(np.finfo(dtype).tiny) / float(np.finfo(dtype).eps)


def _scaled_norm(xp: ModuleType, arrays: list[Array]) -> tuple[Array, Array]:
    """Returns the largest entry, 1 if that is 0 or not finite, and the 2-norm of all divided by it."""
    largest = xp.stack([abs(array.real).max() for array in arrays]).max()
    unit = xp.where(xp.isfinite(largest) & (largest > 0), largest, xp.ones_like(largest))
    return unit, xp.sqrt(_sum_of_squares(xp, [array / unit for array in arrays]))


def _sum_of_squares(xp: ModuleType, arrays: list[Array]) -> Array:
    flats = [array.reshape(-1) for array in arrays]
    if xp is np:
        on_host: Array = sum(map(_host_squares, flats))
        return on_host
    squares = [xp.dot(flat, flat) for flat in flats]
    total: Array = sum(squares[1:], squares[0])
    return total


def _host_squares(flat: np.ndarray) -> Any:
    cut = flat.size // PIECE * PIECE
    pieces, rest = flat[:cut].reshape(-1, 1, PIECE), flat[cut:]
    total = rest.dot(rest).item()
    return total + sum(np.matmul(pieces, pieces.swapaxes(1, 2)).ravel().tolist()) if cut else total


def _arrays(grads: Mapping[str, Array]) -> list[Array]:
    flat = grads.flat if isinstance(grads, Parameters) else getattr(mapping("grads", grads), "flat", None)
    if flat is not None:
        return [flat]
    arrays = [floating(f"grads[{name!r}]", value) for name, value in grads.items()]
    if len({array.dtype.kind for array in arrays}) > 1:
        raise TypeError("grads must be all real or all complex, got both; convert them with astype")
    return arrays


def _check_finite(xp: ModuleType, grads: Mapping[str, Array]) -> None:
    for name, grad in grads.items():
        if not (finite := xp.isfinite(grad)).all():
            at = tuple(np.argwhere(~to_host(finite))[0].tolist())
            raise FloatingPointError(
                f"grads[{name!r}] must be finite, got {grad[at]} at {list(at)}; npseq.inspect.first_nonfinite says "
                "where it came from"
            )


def _check_writable(xp: ModuleType, arrays: list[Array]) -> None:
    if xp is np and not all(array.flags.writeable for array in arrays):
        raise ValueError("grads must be writable, one of them is read-only; take a copy of it")
