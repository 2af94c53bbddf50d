"""Losses and their gradients: each returns (loss, derivative of the loss by its first argument).

T time steps, B sequences, V classes; every loss takes any leading shape. With l the losses of the single positions and
w their weights (1 where none are given, 0 where a target is ignored):

    reduction   loss                    derivative
    "mean"      sum(w * l) / sum(w)     of that number
    "sum"       sum(w * l)              of that number
    "none"      w * l, not added up     of their sum

A mean over nothing (no positions, or all of weight 0) is 0 and its gradient is 0, where PyTorch answers nan.
Complex input stays complex: every line is analytic, branches and shifts look at the real part.
"""

from __future__ import annotations

from functools import cache, lru_cache
from math import prod
from types import ModuleType

import numpy as np

from npseq.arguments import array as an_array
from npseq.arguments import is_array, number
from npseq.backend import Array, array_module

Axes = tuple[int, ...]

REDUCTIONS = ("mean", "sum", "none")


def softmax_cross_entropy(
    logits: Array,
    targets: Array,
    ignore_index: int | None = None,
    weights: Array | None = None,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> tuple[Array, Array]:
    """Cross-entropy of softmax(logits) over the last axis: (loss, dlogits).

    logits (..., V), targets (...) integer ids in [0, V), weights (...) real or boolean, or broadcastable to that shape.

        l = (1 - s) * -log p[target] + s * -mean(log p),  p = softmax(logits),  s = label_smoothing
        dl/dlogits = p - (1 - s) * onehot(target) - s / V

    Positions whose target is ignore_index, which may lie outside [0, V), have weight 0. The semantics of ignore_index
    and label_smoothing are those of PyTorch's `cross_entropy` (smoothing: Szegedy et al. 2016, arXiv 1512.00567); its
    per-class `weight` is `weights=class_weight[targets]`. "mean" is over the kept positions; for d2l's
    MaskedSoftmaxCELoss, the mean over all steps of a sequence, average the losses of reduction="none" over time.

    dlogits lies in memory as logits do. A transposed view of a feature-major block, (T, V, B) or (V, T, B), is read in
    place, and is the fast case: adding up along an axis that is not contiguous is one vector operation per class.

    Raises TypeError for logits that are not floating, targets that are not integers, or weights that are not real, and
    ValueError for shapes that do not fit, a target outside [0, V), a negative weight under "mean", label_smoothing
    outside [0, 1] and an unknown reduction. Values of targets and weights are not looked at on a GPU: that would wait
    for it.
    """
    xp = array_module(logits, targets, weights)
    _check_floating("logits", logits)
    _check_class_targets(logits, targets)
    if not 0 <= number("label_smoothing", label_smoothing) <= 1:
        raise ValueError(f"label_smoothing must lie in [0, 1], got {label_smoothing}; 0 is no smoothing")
    if ignore_index is not None and not isinstance(ignore_index, int | np.integer):
        raise TypeError(f"ignore_index must be an integer or None, got {ignore_index!r}")
    kept = None if ignore_index is None else targets != ignore_index
    ids = targets if kept is None else xp.where(kept, targets, 0)
    if xp is np:
        _check_range(ids, logits.shape[-1])
    scale = _coefficients(xp, weights, kept, targets.shape, logits.real.dtype, reduction)

    order, lead, shape = _memory_order(logits.shape, logits.strides)
    positions = shape[0], shape[2]
    block = logits.transpose(*order).reshape(shape)
    ids = ids.transpose(*lead).reshape(positions)
    if not isinstance(scale, float):
        scale = scale.transpose(*lead).reshape(positions)
    losses, dblock = _cross_entropy_block(xp, block, ids, scale, label_smoothing)

    dlogits = _unfold(dblock, order, logits.shape)
    return (_unfold(losses, lead, logits.shape) if reduction == "none" else losses.sum()), dlogits


def _cross_entropy_block(
    xp: ModuleType, block: Array, ids: Array, scale: Array | float, smoothing: float
) -> tuple[Array, Array]:
    """Scaled losses (N, M) and their gradient (N, V, M) for logits (N, V, M), ids (N, M), scale a number or (N, M)."""
    shifted = _needs_shift(xp, block)
    z = block - block.real.max(axis=1)[:, None, :] if shifted else block  # softmax does not see a shift by a constant
    at = _flat_index(xp, ids, block.shape)
    p = xp.exp(z)
    flat = p.reshape(-1)
    picked = flat[at]
    total = _sum_classes(xp, p)
    losses = xp.log(total) - z.reshape(-1)[at] if shifted else xp.log(total / picked)
    if smoothing:
        losses = (1 - smoothing) * losses + smoothing * (xp.log(total) - z.mean(axis=1))
    factor = scale / total
    p *= factor[:, None, :]
    flat[at] = picked * factor - scale * (1 - smoothing)
    if smoothing:
        p -= (xp.ones_like(total) * scale * (smoothing / block.shape[1]))[:, None, :]
    return losses * scale, p


def _needs_shift(xp: ModuleType, block: Array) -> bool:
    """Whether exp(logits) could overflow or vanish. Far from it the shift only costs time; a GPU is not asked."""
    if xp is not np or block.size == 0:
        return True
    real, bound = block.real, _safe_exponent(block.dtype)
    return not (real.max() < bound and real.min() > -bound)


@cache
def _safe_exponent(dtype: np.dtype) -> float:
    """Far enough from overflow that sums over classes, and ratios of two exponentials, are safe as well."""
    return float(np.log(np.finfo(dtype).max)) / 4


def _flat_index(xp: ModuleType, ids: Array, shape: tuple[int, int, int]) -> Array:
    """Where in a flat (N, V, M) block the entries [n, ids[n, m], m] lie."""
    outer, classes, inner = shape
    at = ids.astype(xp.int64, copy=False)
    if inner > 1:
        at = at * inner + xp.arange(inner)
    return at if outer == 1 else at + xp.arange(0, outer * classes * inner, classes * inner)[:, None]


def _sum_classes(xp: ModuleType, p: Array) -> Array:
    """Sums (N, M) over the middle axis of (N, V, M), on the host as a product: NumPy's sum is slow along short axes."""
    outer, classes, inner = p.shape
    if xp is not np:
        return p.sum(axis=1)
    ones = _ones(classes, p.dtype.char)
    return p.reshape(outer, classes).dot(ones) if inner == 1 else (ones.T @ p).reshape(outer, inner)


@lru_cache
def _ones(size: int, kind: str) -> np.ndarray:
    return np.ones((size, 1), kind)


@lru_cache
def _memory_order(shape: Axes, strides: Axes) -> tuple[Axes, Axes, tuple[int, int, int]]:
    """The axes from widest to narrowest stride, all but the class axis, and the (N, V, M) they fold into around it."""
    last = len(shape) - 1
    order = tuple(sorted(range(len(shape)), key=lambda axis: -abs(strides[axis])))
    at = order.index(last)
    sizes = [shape[axis] for axis in order]
    lead = tuple(axis for axis in order if axis != last)
    return order, lead, (prod(sizes[:at]), sizes[at], prod(sizes[at + 1 :]))


def _unfold(block: Array, order: Axes, shape: Axes) -> Array:
    """Undo a fold: the axes named in order get their sizes and places back."""
    places = sorted(range(len(order)), key=order.__getitem__)
    return block.reshape([shape[axis] for axis in order]).transpose(places)


def binary_cross_entropy(
    logits: Array, targets: Array, weights: Array | None = None, reduction: str = "mean"
) -> tuple[Array, Array]:
    """Cross-entropy of sigmoid(logits) with targets in [0, 1]: (loss, dlogits).

    logits, targets (...) of one shape, weights broadcastable to it.

        l = -y log p - (1 - y) log(1 - p),  p = sigmoid(z),  dl/dz = p - y

    Computed from exp(-|z|) alone, so that neither tail overflows or loses its digits.

    Raises TypeError for logits that are not floating, or targets or weights that are not real, and ValueError for
    shapes that do not fit, targets outside [0, 1], a negative weight under "mean" (neither looked at on a GPU) and an
    unknown reduction.
    """
    xp = array_module(logits, targets, weights)
    _check_floating("logits", logits)
    _check_same_shape("logits", logits, targets)
    y = _real("targets", targets).astype(logits.real.dtype, copy=False)
    if xp is np and not ((targets >= 0) & (targets <= 1)).all():
        raise ValueError(
            f"targets of binary_cross_entropy must lie in [0, 1], got values from {targets.min()} to {targets.max()}; "
            "they are probabilities of class 1, not logits or class ids"
        )
    scale = _coefficients(xp, weights, None, logits.shape, logits.real.dtype, reduction)
    positive = logits.real > 0
    tail = xp.exp(xp.where(positive, -logits, logits))
    losses = (xp.where(positive, (1 - y) * logits, -y * logits) + xp.log1p(tail)) * scale
    tail = tail / (1 + tail)
    dlogits = xp.where(positive, (1 - y) - tail, tail - y) * scale
    return (losses if reduction == "none" else losses.sum()), dlogits


def mean_squared_error(
    prediction: Array, target: Array, weights: Array | None = None, reduction: str = "mean"
) -> tuple[Array, Array]:
    """Squared error l = (prediction - target)^2, without a factor 1/2: (loss, dprediction).

    prediction, target (...) of one shape, weights broadcastable to it. "mean" is over every entry, as in PyTorch.
    The square is the analytic one, also of complex numbers.

    Raises TypeError for a prediction that is not floating, a complex target of a real prediction, or weights that are
    not real, and ValueError for shapes that do not fit, a negative weight under "mean" (not looked at on a GPU) and an
    unknown reduction.
    """
    xp = array_module(prediction, target, weights)
    _check_floating("prediction", prediction)
    _check_same_shape("prediction", prediction, target)
    if prediction.dtype.kind == "f":
        _real("target", target)
    scale = _coefficients(xp, weights, None, prediction.shape, prediction.real.dtype, reduction)
    error = prediction - target.astype(prediction.dtype, copy=False)
    losses = error * error * scale
    return (losses if reduction == "none" else losses.sum()), error * (2 * scale)


def perplexity(mean_nll: Array | float) -> Array:
    """exp(mean_nll): the geometric mean of 1 / P(token); V for a uniform model over V, 1 for a perfect one.

    mean_nll is the mean negative log-likelihood in nats, as softmax_cross_entropy returns it. Overflow is inf.
    """
    with np.errstate(over="ignore"):
        return array_module(mean_nll).exp(
            mean_nll if is_array(mean_nll) or isinstance(mean_nll, complex) else number("mean_nll", mean_nll)
        )


def _coefficients(
    xp: ModuleType, weights: Array | None, kept: Array | None, shape: tuple[int, ...], dtype: np.dtype, reduction: str
) -> Array | float:
    """What each position's loss is multiplied with: one number, or an array of this shape where positions differ."""
    if not isinstance(reduction, str) or reduction not in REDUCTIONS:
        raise ValueError(f"reduction must be one of {', '.join(REDUCTIONS)}, got {reduction!r}")
    if weights is None and kept is None:
        return 1 / max(prod(shape), 1) if reduction == "mean" else 1.0
    if weights is not None:
        an_array("weights", weights)
    scale = xp.ones(shape, dtype) if weights is None else _broadcast_weights(xp, weights, shape, dtype, reduction)
    if kept is not None:
        scale = scale * kept
    if reduction == "mean":
        total = scale.sum()
        scale = scale / (total + (total == 0))
    return scale


def _broadcast_weights(
    xp: ModuleType, weights: Array, shape: tuple[int, ...], dtype: np.dtype, reduction: str
) -> Array:
    if xp is np and reduction == "mean" and _real("weights", weights).size and weights.min() < 0:
        raise ValueError(
            f"weights must not be negative under reduction='mean', got {weights.min()}; "
            "signed weights need reduction='sum' or 'none'"
        )
    try:
        return xp.broadcast_to(_real("weights", weights).astype(dtype, copy=False), shape)
    except ValueError as error:
        raise ValueError(
            f"weights must have the targets' shape {shape} or broadcast to it, got {weights.shape}"
        ) from error


def _check_floating(name: str, array: Array) -> None:
    if an_array(name, array).dtype.kind not in "fc":
        raise TypeError(f"{name} must be floating or complex, got {array.dtype}; convert them with astype")


def _real(name: str, array: Array) -> Array:
    if an_array(name, array).dtype.kind == "c":
        raise TypeError(f"{name} must be real, got {array.dtype}; only the first argument may be complex")
    return array


def _check_same_shape(name: str, array: Array, targets: Array) -> None:
    if an_array("targets", targets).shape != array.shape:
        raise ValueError(f"targets must have the shape of the {name}, {array.shape}, got {targets.shape}; reshape them")


def _check_class_targets(logits: Array, targets: Array) -> None:
    if logits.ndim == 0 or logits.shape[-1] == 0:
        raise ValueError(f"logits must have shape (..., V) with at least one class, got {logits.shape}")
    if an_array("targets", targets).dtype.kind not in "iu":
        raise TypeError(f"targets must be integer class ids, got {targets.dtype}; convert them with astype(int)")
    if targets.shape != logits.shape[:-1]:
        raise ValueError(
            f"targets must have the leading shape of logits, {logits.shape[:-1]}, got {targets.shape}; "
            "the last axis of logits holds the classes"
        )


def _check_range(ids: Array, classes: int) -> None:
    if ids.size == 0 or (ids.min() >= 0 and ids.max() < classes):
        return
    first = tuple(int(index) for index in np.argwhere((ids < 0) | (ids >= classes))[0])
    raise ValueError(
        f"targets must lie in [0, {classes}), got {int(ids[first])} at position {first}; "
        "check the vocabulary, or name padding with ignore_index"
    )
