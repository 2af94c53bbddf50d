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
    """Returns the factors of the positions' losses: one number, or an array of this shape where positions differ."""
    one_of("reduction", reduction, REDUCTIONS)
    if weights is None and mask is None:
        return 1 / max(prod(shape), 1) if reduction == "mean" else 1.0
    if weights is not None:
        an_array("weights", weights)
    scale = xp.ones(shape, dtype) if weights is None else _broadcast_weights(xp, weights, shape, dtype, reduction)
    if mask is not None:
        scale = scale * mask
    if reduction == "mean":
        total = scale.sum()
        scale = scale / (total + (total == 0))
    return scale


def _broadcast_weights(
    xp: ModuleType, weights: Array, shape: tuple[int, ...], dtype: np.dtype, reduction: str
) -> Array:
    if xp is np and reduction == "mean" and check_real("weights", weights).size and weights.min() < 0:
        raise ValueError(
            f"weights must not be negative under reduction='mean', got {weights.min()}; "
            "signed weights need reduction='sum' or 'none'"
        )
    try:
        return xp.broadcast_to(check_real("weights", weights).astype(dtype, copy=False), shape)
    except ValueError as error:
        raise ValueError(
            f"weights must have the targets' shape {shape} or broadcast to it, got {weights.shape}"
        ) from error


def check_floating(name: str, array: Array) -> None:
    if an_array(name, array).dtype.kind not in "fc":
        raise TypeError(f"{name} must be floating or complex, got {array.dtype}; convert them with astype")


def check_real(name: str, array: Array) -> Array:
    if an_array(name, array).dtype.kind == "c":
        raise TypeError(f"{name} must be real, got {array.dtype}; only the first argument may be complex")
    return array


def check_same_shape(name: str, array: Array, targets: Array) -> None:
    if an_array("targets", targets).shape != array.shape:
        raise ValueError(f"targets must have the shape of the {name}, {array.shape}, got {targets.shape}; reshape them")
