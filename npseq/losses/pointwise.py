"""Losses of each entry by itself: the cross-entropy of a sigmoid, and the squared error."""

import numpy as np

from npseq.arguments import floating
from npseq.backend import Array, array_module
from npseq.losses.positions import check_real, check_same_shape, coefficients
from npseq.magnitude import blank, weighed


def binary_cross_entropy(
    logits: Array, targets: Array, *, weights: Array | None = None, reduction: str = "mean"
) -> tuple[Array, Array]:
    """Returns the cross-entropy of sigmoid(logits) with targets in [0, 1], and its gradient: (loss, dlogits).

        l = -y log p - (1 - y) log(1 - p),  p = sigmoid(z),  dl/dz = p - y

    It is computed from exp(-|z|) alone, so that neither tail overflows or loses its digits.

    Args:
        logits: z (...), real or complex.
        targets: y (...), real numbers in [0, 1].
        weights: real, broadcastable to the shape of logits.
        reduction: "mean", "sum" or "none".

    Raises:
        TypeError: for logits that are not floating, or targets or weights that are not real.
        ValueError: for shapes that do not fit, targets outside [0, 1], a negative weight under "mean" (neither is read
            on a GPU) or an unknown reduction.

    Example:
        >>> loss, dlogits = ns.binary_cross_entropy(np.zeros(2), np.array([1.0, 0.0]), reduction="sum")
        >>> dlogits.tolist()
        [-0.5, 0.5]
    """
    xp = array_module(logits=logits, targets=targets, weights=weights)
    dtype = floating("logits", logits).dtype
    check_same_shape("logits", logits.shape, targets)
    scale = coefficients(xp, weights, None, logits.shape, logits.real.dtype, reduction)
    logits, y = blank(xp, logits, scale), blank(xp, check_real("targets", targets), scale)
    y = check_labels(y, logits.shape).astype(logits.real.dtype, copy=False)
    positive = logits.real > 0
    tail = xp.exp(xp.where(positive, -logits, logits))
    slope = xp.where(positive, 1 - y, -y)  # of the loss far from 0; where it is 0, an infinite logit has no loss
    losses = (weighed(xp, logits, slope) + xp.log1p(tail)) * scale
    tail = tail / (1 + tail)
    dlogits = xp.where(positive, (1 - y) - tail, tail - y) * scale
    return _in_dtype(dtype, losses if reduction == "none" else losses.sum(), dlogits)


def check_labels(targets: Array, shape: tuple[int, ...]) -> Array:
    """Returns targets of binary_cross_entropy. Raises TypeError or ValueError unless they are real, in [0, 1]."""
    check_same_shape("logits", shape, targets)
    if array_module(check_real("targets", targets)) is np and not ((targets >= 0) & (targets <= 1)).all():
        raise ValueError(
            f"targets of binary_cross_entropy must lie in [0, 1], got values from {targets.min()} to {targets.max()}; "
            "they are probabilities of class 1, not logits or class ids"
        )
    return targets


def mean_squared_error(
    prediction: Array, target: Array, *, weights: Array | None = None, reduction: str = "mean"
) -> tuple[Array, Array]:
    """Returns the squared error l = (prediction - target)^2, without a factor 1/2: (loss, dprediction).

    "mean" is over every entry, as in PyTorch. The square of a complex number is the analytic one.

    Args:
        prediction: (...), real or complex.
        target: (...), real where the prediction is real.
        weights: real, broadcastable to the shape of the prediction.
        reduction: "mean", "sum" or "none".

    Raises:
        TypeError: for a prediction that is not floating, a complex target of a real prediction, or weights that are not
            real.
        ValueError: for shapes that do not fit, a negative weight under "mean" (not read on a GPU) or an unknown
            reduction.

    Example:
        >>> loss, dprediction = ns.mean_squared_error(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
        >>> float(loss), dprediction.tolist()
        (2.0, [0.0, -2.0])
    """
    xp = array_module(prediction=prediction, target=target, weights=weights)
    floating("prediction", prediction)
    check_same_shape("prediction", prediction.shape, target)
    if prediction.dtype.kind == "f":
        check_real("target", target)
    scale = coefficients(xp, weights, None, prediction.shape, prediction.real.dtype, reduction)
    error = blank(xp, prediction, scale) - blank(xp, target, scale).astype(prediction.dtype, copy=False)
    losses = error * error * scale
    return _in_dtype(prediction.dtype, losses if reduction == "none" else losses.sum(), error * (2 * scale))


def _in_dtype(dtype: np.dtype, loss: Array, gradient: Array) -> tuple[Array, Array]:
    """Both in the dtype of what was given: NumPy 1 makes float64 of one float32 number and a float."""
    native = dtype.newbyteorder("=")
    return loss.astype(native, copy=False), gradient.astype(native, copy=False)
