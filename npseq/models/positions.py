"""Which positions (T, B) of a batch count, and how much: lengths and weights of a model's loss."""

from typing import Any

import numpy as np

from npseq.arguments import array, integers
from npseq.backend import Array, array_module
from npseq.layers.lengths import has_step, within
from npseq.losses.pointwise import check_labels
from npseq.losses.positions import coefficients
from npseq.magnitude import blank


def checked_weights(weights: Array | None, shape: tuple[int, ...], lengths: Any, reduction: str) -> Array | None:
    """The weights of the positions, 0 past each length. Raises TypeError or ValueError for any that mean nothing."""
    if weights is None:
        return None
    if array("weights", weights).shape != shape:
        raise ValueError(f"weights must have one entry a position, {shape}, got {weights.shape}")
    weights = within(weights, lengths)
    coefficients(array_module(weights), weights, None, shape, np.dtype(float), reduction)
    return weights


def check_counted(targets: Array, classes: int | None, lengths: Any, weights: Array | None) -> None:
    """Raises ValueError for a target that counts and is no class, or no label where there are no classes.

    weights: of `checked_weights`.
    """
    found = within(array("targets", targets) if classes is None else integers("targets", targets), lengths)
    if weights is not None:
        found = blank(array_module(found), found, weights[..., None] if classes is None else weights)
    if classes is None:
        check_labels(found, targets.shape)
    else:
        integers("targets", found, classes)


def position_weights(logits: Array, lengths: Array | None, weights: Array | None) -> Array | None:
    """(T, B) of the weights, or 1, up to each sequence's length, and 0 past it; None is 1 everywhere."""
    if lengths is None:
        return weights
    mask = step_mask(len(logits), lengths, logits)
    return mask if weights is None else blank(array_module(mask), weights, mask)


def step_mask(steps: int, lengths: Array, like: Array) -> Array:
    """(T, B) of 1 where a sequence has a step and 0 elsewhere, with the real dtype and the device of `like`."""
    mask: Array = array_module(like).asarray(has_step(lengths, steps, like.shape[1]).astype(np.dtype(like.real.dtype)))
    return mask
