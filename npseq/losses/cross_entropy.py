"""The cross-entropy of a softmax, and perplexity."""

from functools import cache, lru_cache
from math import inf, prod
from types import ModuleType
from typing import Any

import numpy as np

from npseq.arguments import array as an_array
from npseq.arguments import floating, integer, integers, number
from npseq.backend import Array, array_module
from npseq.losses.positions import coefficients
from npseq.losses.probabilities import cross_entropy_of_probabilities
from npseq.magnitude import blank
from npseq.threads import entrywise

Axes = tuple[int, ...]


def softmax_cross_entropy(
    logits: Array,
    targets: Array,
    *,
    ignore_index: int | None = None,
    weights: Array | None = None,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> tuple[Array, Array]:
    """Returns the cross-entropy of softmax(logits) over the last axis, and its gradient: (loss, dlogits).

        l = (1 - s) * -log p[target] + s * -mean(log p),  p = softmax(logits),  s = label_smoothing
        dl/dlogits = p - (1 - s) * onehot(target) - s / V

    The semantics are those of PyTorch's `cross_entropy` (smoothing: Szegedy et al. 2016, arXiv 1512.00567); its
    per-class `weight` is `weights=class_weight[targets]`. For the masked loss of Dive into Deep Learning, 10.7, the
    mean over all steps of a sequence, average the losses of reduction="none" over time.

    Targets may also be distributions q over the classes, then smoothed too: l = -sum(q * log p), dl/dlogits = p - q.

    dlogits has the memory layout of logits. A transposed view of a feature-major block, (T, V, B) or (V, T, B), is read
    in place and is the fast case: a sum along an axis that is not contiguous is one vector operation per class.

    Args:
        logits: (..., V), real or complex.
        targets: (...) integer class ids in [0, V), or (..., V) probabilities, floating, which sum to 1.
        ignore_index: a class id, which may be outside [0, V); positions with this target have weight 0.
        weights: (...) real or boolean, or broadcastable to that shape.
        label_smoothing: s in [0, 1].
        reduction: "mean" (over the positions that are not ignored), "sum" or "none".

    Raises:
        TypeError: for logits that are not floating, targets that are neither, or weights that are not real.
        ValueError: for shapes that do not fit, a target outside [0, V) or that is no distribution, a negative weight
            under "mean", label_smoothing outside [0, 1], an ignore_index beside probabilities, or an unknown reduction.
            A GPU's targets and weights are not read, because that would wait.

    Example:
        >>> loss, dlogits = ns.softmax_cross_entropy(np.zeros((5, 4)), np.array([0, 1, 2, 3, 0]))
        >>> print(round(float(np.exp(loss)), 6))  # four equally likely classes
        4.0
    """
    xp = array_module(logits=logits, targets=targets, weights=weights)
    if floating("logits", logits).ndim == 0 or logits.shape[-1] == 0:
        raise ValueError(f"logits must have shape (..., V) with at least one class, got {logits.shape}")
    if not 0 <= number("label_smoothing", label_smoothing) <= 1:
        raise ValueError(f"label_smoothing must lie in [0, 1], got {label_smoothing}; 0 is no smoothing")
    if an_array("targets", targets).dtype.kind == "f" and targets.ndim == logits.ndim > 0:
        if ignore_index is not None:
            raise ValueError(f"ignore_index is for class ids, got {ignore_index} beside probabilities; use weights")
        return cross_entropy_of_probabilities(
            xp, logits, floating("targets", targets), weights, label_smoothing, reduction
        )
    _check_class_targets(logits, targets)
    integers("targets", targets)  # before blank, which makes integers of booleans
    mask = None
    if ignore_index is not None:
        mask = targets != integer(
            "ignore_index", ignore_index, -inf
        )  # as they are: a signed copy may be another number
    scale = coefficients(xp, weights, mask, targets.shape, logits.real.dtype, reduction)
    ids = blank(xp, targets, scale)
    ids = integers("targets", ids, logits.shape[-1], "; check the vocabulary, or name padding with ignore_index")
    return weighed_cross_entropy(xp, logits, ids, scale, label_smoothing, reduction)


def weighed_cross_entropy(
    xp: ModuleType,
    logits: Array,
    ids: Array,
    scale: Array | float,
    label_smoothing: float = 0.0,
    reduction: str = "",
    overwrites: bool = False,
) -> tuple[Array, Array]:
    """Returns the sum of the losses times their scale, for "none" each, and its gradient; of arguments checked.

    overwrites: whether the gradient may take the place of the logits, an array of their own that nobody reads again.
    """
    order, lead, shape = _memory_order(logits.shape, logits.strides)
    positions = shape[0], shape[2]
    block = logits.transpose(*order).reshape(shape)
    ids = ids.transpose(*lead).reshape(positions)
    if not isinstance(scale, float):
        scale = scale.transpose(*lead).reshape(positions)
        block = blank(xp, block, scale[:, None, :])
    losses, dblock = _cross_entropy_block(xp, block, ids, scale, label_smoothing, overwrites)

    dlogits = _unfold(dblock, order, logits.shape)
    return (_unfold(losses, lead, logits.shape) if reduction == "none" else losses.sum()), dlogits


def _cross_entropy_block(
    xp: ModuleType, block: Array, ids: Array, scale: Array | float, smoothing: float, overwrites: bool
) -> tuple[Array, Array]:
    """Returns scaled losses (N, M) and their gradient (N, V, M); logits (N, V, M), ids (N, M), scale () or (N, M)."""
    z, shifted = block, _needs_shift(xp, block)
    if shifted:  # softmax does not see a shift by a constant
        with np.errstate(over="ignore"):  # of two logits further apart than the largest number, one has no chance
            z = block - block.real.max(axis=1)[:, None, :]
    at = _flat_index(xp, ids, block.shape)
    picked_z = z.reshape(-1)[at] if shifted else None
    mean_z = z.mean(axis=1) if smoothing else None
    p = entrywise(xp.exp, z, out=z if shifted or overwrites else xp.empty_like(z))
    flat = p.reshape(-1)
    picked = flat[at]
    total = _sum_classes(xp, p)
    losses = xp.log(total / picked) if picked_z is None else xp.log(total) - picked_z
    if smoothing:
        uniform = smoothing * (xp.log(total) - mean_z)
        losses = uniform if smoothing == 1 else (1 - smoothing) * losses + uniform
    factor = scale / total
    entrywise(xp.multiply, p, factor[:, None, :], out=p)
    flat[at] = picked * factor - scale * (1 - smoothing)
    if smoothing:
        p -= (xp.ones_like(total) * scale * (smoothing / block.shape[1]))[:, None, :]
    return losses * scale, p


def _needs_shift(xp: ModuleType, block: Array) -> bool:
    """Whether exp(logits) could overflow or vanish; a GPU always shifts, because looking would wait for it."""
    if xp is not np or block.size == 0:
        return True
    real, bound = block.real, _safe_exponent(block.dtype)
    return not (real.item(real.argmax()) < bound and real.item(real.argmin()) > -bound)  # max costs three times that


@cache
def _safe_exponent(dtype: np.dtype) -> float:
    """Returns a bound that keeps sums over classes, and ratios of two exponentials, from overflow."""
    return float(np.log(np.finfo(dtype).max)) / 4


def _flat_index(xp: ModuleType, ids: Array, shape: tuple[int, int, int]) -> Array:
    """Returns the flat indices, in a (N, V, M) block, of the entries [n, ids[n, m], m]."""
    outer, classes, inner = shape
    at = ids.astype(xp.int64, copy=False)
    if inner > 1:
        at = at * inner + xp.arange(inner)
    return at if outer == 1 else at + xp.arange(0, outer * classes * inner, classes * inner)[:, None]


@np.errstate(invalid="ignore")  # BLAS may set the flag for numbers beside the array, which it does not use
def _sum_classes(xp: ModuleType, p: Array) -> Array:
    """Sums over the middle axis of (N, V, M), on the host as a product: NumPy's sum is slow along short axes."""
    outer, classes, inner = p.shape
    if xp is not np:
        sums: Array = p.sum(axis=1)
        return sums
    ones = _ones(classes, p.dtype.char)
    return p.reshape(outer, classes).dot(ones) if inner == 1 else (ones.T @ p).reshape(outer, inner)


@lru_cache
def _ones(size: int, kind: str) -> np.ndarray:
    return np.ones((size, 1), kind)


@lru_cache
def _memory_order(shape: Axes, strides: Axes) -> tuple[Axes, Axes, tuple[int, int, int]]:
    """Returns the axes by falling stride, the same without the class axis, and the (N, V, M) that they fold into."""
    last = len(shape) - 1
    order = tuple(sorted(range(len(shape)), key=lambda axis: -abs(strides[axis])))
    at = order.index(last)
    sizes = [shape[axis] for axis in order]
    lead = tuple(axis for axis in order if axis != last)
    return order, lead, (prod(sizes[:at]), sizes[at], prod(sizes[at + 1 :]))


def _unfold(block: Array, order: Axes, shape: Axes) -> Array:
    """Undoes a fold: gives the axes named in order their sizes and places back."""
    sizes, places = _undone(order, shape)
    return block.reshape(sizes).transpose(places)


@lru_cache
def _undone(order: Axes, shape: Axes) -> tuple[Axes, Axes]:
    """Returns the sizes of the axes in this order, and the order that puts them back."""
    return tuple(shape[axis] for axis in order), tuple(sorted(range(len(order)), key=order.__getitem__))


def _check_class_targets(logits: Array, targets: Array) -> None:
    if an_array("targets", targets).shape != logits.shape[:-1]:
        raise ValueError(
            f"targets must have the leading shape of logits, {logits.shape[:-1]}, got {targets.shape}; "
            "the last axis of logits holds the classes"
        )


def perplexity(mean_nll: Array | np.number | complex) -> Array:
    """Returns exp(mean_nll), the geometric mean of 1 / P(token): V for a uniform model over V, 1 for a perfect one.

    Args:
        mean_nll: the mean negative log-likelihood in nats, as softmax_cross_entropy returns it. Overflow is inf.

    Example:
        >>> print(round(float(ns.perplexity(np.log(28))), 6))
        28.0
    """
    given: Any = mean_nll
    if not isinstance(given, complex):
        check = number if isinstance(given, int | float) else an_array
        given = check("mean_nll", given)
    with np.errstate(over="ignore"):
        value: Array = array_module(given).exp(given)
        return value
