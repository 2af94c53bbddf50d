"""Converts the user's (T, B, features) to the strands' (T, features, [lags,] B): order of time, lengths."""

from typing import Any

import numpy as np

from npseq.backend import Array
from npseq.bptt.loop import Adjoints
from npseq.bptt.tape import Strand, Tape
from npseq.bptt.workspace import Workspace, empty


def in_order(steps: Any, d: int) -> Any:
    """Steps in a strand's own order of time, and back; d is 1 for the reverse direction."""
    return steps[::-1] if d else steps


def write_inputs(rows: Array, features: list[Array], ids: Array, d: int, xp: Any) -> None:
    """Fills the x rows (T, D, B) of a strand: features side by side, or where there are none one-hot columns of ids."""
    if not features:
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
    """(T, B, features). On the host it cannot be written on, since it may be a view of the tape."""
    y = (features[0] if len(features) == 1 else xp.concatenate(features, axis=1)).swapaxes(1, 2)
    if xp is np:
        y.flags.writeable = False
    return y


def by_direction(dy: Array, tape: Tape, directions: int, lags: int | None, workspace: Workspace | None) -> list[Array]:
    """dy (T, B, R*P) as (T, P, [lags,] B), one a direction, zero past each length, also where it is nan there."""
    dy, mask = dy.swapaxes(1, 2), tape.strands[-1][0].mask
    if mask is not None:
        given, dy = dy, empty(workspace, "dy", dy, dy.shape)
        dy[...] = 0
        np.copyto(dy, given, where=mask)
    size = dy.shape[1] // directions
    parts = [dy] if directions == 1 else [dy[:, :size], dy[:, size:]]
    return [at_lag_zero(part, lags) for part in parts]


def at_lag_zero(array: Array, lags: int | None) -> Array:
    """(..., B) as (..., lags, B) with everything at lag 0; as it is where lags are not told apart."""
    if lags is None:
        return array
    out = np.zeros_like(array, shape=(*array.shape[:-1], lags, array.shape[-1]))
    out[..., 0, :] = array
    return out


def lag_sum(array: Array, weights: Array | None) -> Array:
    """(..., lags, B) summed with a weight (lags,) each; as it is where lags are not told apart."""
    if weights is None:
        return array
    total: Array = (array * weights.astype(array.real.dtype)[:, None]).sum(axis=-2)
    return total


def lag_sums(adjoints: Adjoints, weights: Array | None) -> Adjoints:
    """Every adjoint summed over lags."""
    if weights is None:
        return adjoints
    return Adjoints._make(None if a is None else lag_sum(a, weights) for a in adjoints)
