"""Cross-entropy over padded sequences, in d2l's reduction and as the mean over the tokens that are really there."""

from npseq.arguments import array, one_of
from npseq.backend import Array
from npseq.losses import softmax_cross_entropy
from npseq.models.positions import step_mask


def masked_softmax_cross_entropy(
    logits: Array, targets: Array, lengths: Array, *, reduction: str = "valid"
) -> tuple[Array, Array]:
    """Returns the cross-entropy of the first lengths[b] targets of each sequence b, and dlogits.

    With l (T, B) the losses, 0 past a sequence's length:

        "valid"     sum(l) / sum(lengths)    a number
        "sequence"  sum_t l_t / T            (B,), and dlogits is that of their sum

    "sequence" is d2l's `MaskedSoftmaxCELoss`: it divides by the padded length, so that a short sentence weighs less
    and the number falls as the padding grows. dlogits is exactly zero at padded positions.

    Args:
        logits: (T, B, V).
        targets: (T, B) ids, also past the lengths.
        lengths: (B,) integers in [0, T], or a mask (T, B) of the targets that count.
        reduction: "valid" or "sequence".

    Raises:
        TypeError, ValueError: if reduction is another one, or lengths and shapes do not fit.

    Example:
        >>> logits, targets = np.zeros((4, 2, 10)), np.ones((4, 2), int)
        >>> loss, dlogits = ns.models.masked_softmax_cross_entropy(logits, targets, np.array([4, 2]))
        >>> round(float(loss), 3), bool(dlogits[2:, 1].any())
        (2.303, False)
    """
    one_of("reduction", reduction, ("valid", "sequence"))
    if array("logits", logits).ndim != 3:
        raise ValueError(f"logits must have shape (T, B, V), got {logits.shape}")
    steps = len(logits)
    weights = step_mask(steps, lengths, logits)
    if reduction == "valid":
        return softmax_cross_entropy(logits, targets, weights=weights)
    losses, dlogits = softmax_cross_entropy(logits, targets, weights=weights / max(steps, 1), reduction="none")
    return losses.sum(axis=0), dlogits
