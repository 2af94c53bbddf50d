"""The norm of each example's gradient, computed without that gradient."""

from typing import Any

from npseq.backend import Array
from npseq.bptt.factors import norms
from npseq.bptt.workspace import MAX_BYTES, require
from npseq.inspect.passes import adjoints, check_names, named_factors, views_of
from npseq.protocols import LayerLike


def ghost_norms(
    layer: LayerLike,
    dy: Array | None,
    tape: Any,
    dstate: Any = None,
    *,
    names: Any = None,
    max_bytes: int | None = MAX_BYTES,
) -> dict[str, Array]:
    """Returns {parameter: (B,)}, the norm of each example's gradient, from one backward pass over the whole batch.

    |sum_t a_t d_t^T|^2 = sum_{t,s} <a_t, a_s> <d_t, d_s>, so B tables of T x T stand for B gradients. Clipping by
    example needs these norms (Goodfellow 2015, arXiv 1510.01799; over a sequence: Li et al. 2022, arXiv 2110.05679).
    The root of a sum that cancels keeps half its digits.

    Args:
        layer: an RNN, GRU, LSTM or Bidirectional layer of any depth.
        dy: the loss's derivative by y, (T, B, R*P), or None for zeros.
        tape: what forward returned.
        dstate: the loss's derivative by the last state, or None for zeros.
        names: the parameters wanted; None is all.
        max_bytes: the most memory it may take, with a MemoryError before it takes more; None is no limit.

    Raises:
        TypeError, ValueError: if an argument does not fit the layer.

    Example:
        >>> layer = ns.LSTM(3, 4, rng=0)
        >>> y, _, tape = layer.forward(np.ones((5, 2, 3), np.float32))
        >>> ns.inspect.ghost_norms(layer, 0 * y, tape, names="b_f")
        {'b_f': array([0., 0.], dtype=float32)}
    """
    views = views_of(layer, tape, dy, dstate)
    names = check_names(layer, names)
    found = {}
    for view in views:
        needed = 2 * view.batch * view.steps**2 * layer.dtype.itemsize
        require("these norms", needed, max_bytes, "give fewer sequences at a time")
        for name, f in named_factors(view, adjoints(view), names).items():
            found[name] = norms(f, "b")
    return found
