"""Weights of the positions of a loss, and the checks that all losses share."""

from math import prod
from types import ModuleType

import numpy as np

from npseq.arguments import array as an_array
from npseq.arguments import one_of
from npseq.backend import Array

REDUCTIONS = ("mean", "sum", "none")


def coefficients(
    xp: ModuleType, weights: Array | None, mask: Array | None, shape: tuple[int, ...], dtype: np.dtype, reduction: str
) -> Array | float:
    """Returns the factors of the positions' losses: one number, or an array of this shape where positions differ.

    They are computed in the weights' own dtype if that is wider, and then rounded to this one.
    """
    one_of("reduction", reduction, REDUCTIONS)
    if weights is None and mask is None:
        return 1 / max(prod(shape), 1) if reduction == "mean" else 1.0
    scale = xp.ones(shape, dtype) if weights is None else _broadcast_weights(xp, weights, shape, dtype)
    if mask is not None:
        scale = xp.where(mask, scale, 0)
    if weights is not None and xp is np:
        _check_weights(scale, dtype, reduction)
    if reduction == "mean" and scale.size:
        scale = scale / _not_zero(scale.max())  # so that no sum overflows
        scale = scale / _not_zero(scale.sum())
    scales: Array = xp.asarray(scale).astype(dtype, copy=False)  # a NumPy scalar would pass for one number for all
    return scales


def _not_zero(number: Array) -> Array:
    nonzero: Array = number + (number == 0)
    return nonzero


def _broadcast_weights(xp: ModuleType, weights: Array, shape: tuple[int, ...], dtype: np.dtype) -> Array:
    given = check_real("weights", weights)
    try:
        broadcast: Array = xp.broadcast_to(given.astype(np.result_type(given.dtype, dtype), copy=False), shape)
        return broadcast
    except ValueError as error:
        raise ValueError(
            f"weights must have the targets' shape {shape} or broadcast to it, got {weights.shape}"
        ) from error


def _check_weights(weights: np.ndarray, dtype: np.dtype, reduction: str) -> None:
    """Refuses weights of counted positions that mean nothing, or that this dtype would make 0 or inf in silence."""
    least, largest = weights.min(initial=0), weights.max(initial=0)
    if not (np.isfinite(largest) and np.isfinite(least)):
        raise ValueError("weights must be finite, got nan or inf; 0 leaves a position out")
    if reduction == "mean":
        if least < 0:
            raise ValueError(
                f"weights must not be negative under reduction='mean', got {least}; "
                "signed weights need reduction='sum' or 'none'"
            )
        return
    size, limits = max(largest, -least), np.finfo(dtype)
    if size and not limits.tiny <= size <= limits.max:
        raise ValueError(
            f"weights must have a size that {dtype} can hold, as the loss has it, got {size}; "
            f"scale them, or use logits.astype({weights.dtype})"
        )


def check_real(name: str, array: Array) -> Array:
    if an_array(name, array).dtype.kind == "c":
        raise TypeError(f"{name} must be real, got {array.dtype}; only the first argument may be complex")
    return array


def check_same_shape(name: str, shape: tuple[int, ...], targets: Array) -> None:
    if an_array("targets", targets).shape != shape:
        raise ValueError(f"targets must have the shape of the {name}, {shape}, got {targets.shape}; reshape them")
