"""The cross-entropy of a softmax and targets that are distributions: soft labels, a teacher's, a mixture of two."""

from types import ModuleType

import numpy as np

from npseq.backend import Array
from npseq.losses.positions import check_real, coefficients
from npseq.magnitude import blank, weighed

SLACK = 1e-3  # by which the sum of a distribution may differ from 1


def cross_entropy_of_probabilities(
    xp: ModuleType, logits: Array, targets: Array, weights: Array | None, smoothing: float, reduction: str
) -> tuple[Array, Array]:
    """Returns (loss, dlogits) of logits and targets, both (..., V); targets need not sum to 1 to the last digit."""
    if check_real("targets", targets).shape != logits.shape:
        raise ValueError(
            f"targets that are probabilities must have the shape of logits, {logits.shape}, got {targets.shape}; class "
            "ids are integers"
        )
    scale = coefficients(xp, weights, None, targets.shape[:-1], logits.real.dtype, reduction)
    counted = scale if isinstance(scale, float) else scale[..., None]
    q = _distributions(xp, blank(xp, targets, counted), counted).astype(logits.real.dtype, copy=False)
    if smoothing:
        q = (1 - smoothing) * q + smoothing / logits.shape[-1]
    z = blank(xp, logits, counted)
    with np.errstate(over="ignore"):  # of two logits further apart than the largest number, one has no chance
        z = z - z.real.max(axis=-1, keepdims=True)
    p = xp.exp(z)
    total = p.sum(axis=-1, keepdims=True)
    losses = -weighed(xp, z - xp.log(total), q).sum(axis=-1) * scale  # 0 log 0 is 0
    p *= q.sum(axis=-1, keepdims=True) / total
    p -= q
    p *= counted
    return (losses if reduction == "none" else losses.sum()), p


def _distributions(xp: ModuleType, q: Array, counted: Array | float) -> Array:
    """The same, unless one on the host is no distribution: then it raises ValueError."""
    if xp is not np or not q.size:
        return q
    sums = q.sum(axis=-1, keepdims=True)
    wrong = ~((q >= 0).all(axis=-1, keepdims=True) & (abs(sums - 1) <= SLACK)) & (np.asarray(counted) != 0)
    if wrong.any():
        at = tuple(np.argwhere(wrong[..., 0])[0].tolist())
        raise ValueError(
            f"targets must be distributions, not negative and of sum 1, got {q[at].tolist()[:8]} at {list(at)}, of sum "
            f"{sums[at][0]}; divide by their sum, or leave the position out with weights"
        )
    return q
