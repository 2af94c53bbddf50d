"""Between the user's (T, B, features) and the strands' (T, features, B): time turned round, lengths cut, lags added."""

from __future__ import annotations

from typing import Any

import numpy as np

from npseq.backend import Array
from npseq.bptt import loop
from npseq.bptt.tape import Strand


def feature_major(x: Array) -> Array:
    return x.swapaxes(1, 2)


def in_order(steps: Any, d: int) -> Any:
    """Natural time in a strand's own order, and back."""
    return steps[::-1] if d else steps


def write_inputs(rows: Array, features: list[Array] | None, ids: Array, d: int, xp: Any) -> None:
    """Fills the x rows (T, D, B) of a strand: features side by side, or one-hot columns of ids."""
    if features is None:
        steps, batch = ids.shape
        rows[...] = 0
        rows[xp.arange(steps)[:, None], in_order(ids, d), xp.arange(batch)] = 1
        return
    start = 0
    for f in features:
        rows[:, start : start + f.shape[1]] = in_order(f, d)
        start += f.shape[1]


def outputs(strand: Strand, size: int, d: int, mask: Array | None) -> Array:
    """(T, P, B) in natural time, zero past each length."""
    h = in_order(strand.s[1:, :size], d)
    return h if mask is None else np.where(mask[:, None], h, 0)


def batch_major(features: list[Array], xp: Any) -> Array:
    y = (features[0] if len(features) == 1 else xp.concatenate(features, axis=1)).swapaxes(1, 2)
    if xp is np:
        y.flags.writeable = False
    return y


def at_lag_zero(array: Array, lags: int | None, axis: int = 0) -> Array:
    """With a new axis of lags on which everything stands at lag 0."""
    if lags is None:
        return array
    shape = (*array.shape[:axis], lags, *array.shape[axis:])
    out = np.zeros_like(array, shape=shape)
    out[(slice(None),) * axis + (0,)] = array
    return out


def lag_sum(array: Array, weights: np.ndarray, axis: int, xp: Any) -> Array:
    return xp.tensordot(xp.asarray(weights, dtype=array.dtype), array, axes=(0, axis))


def weigh(adj: loop.Adjoints, weights: np.ndarray, xp: Any) -> loop.Adjoints:
    """The adjoints summed over lags, each with its weight."""
    return loop.Adjoints(
        lag_sum(adj.da, weights, 1, xp),
        None if adj.dv is None else lag_sum(adj.dv, weights, 1, xp),
        lag_sum(adj.dh, weights, 0, xp),
        None if adj.dc is None else lag_sum(adj.dc, weights, 0, xp),
    )
