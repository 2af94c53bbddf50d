"""Time: the one loop forward and the one loop backward, for every cell.

    forward     a_t = W' [h_{t-1}; 1; x_t],  (h_t, c_t) = cell(a_t, h_{t-1}, c_{t-1})
    backward    dh_t = dy_t + p_{t+1},  p_t = W_h da_t + (what the cell passes by itself)

Past a sequence's length its state stands still, so its adjoint passes through unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import repeat
from math import prod
from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, MaybeArray, matmul
from npseq.bptt.tape import Strand, Weights
from npseq.bptt.workspace import Workspace, empty
from npseq.cells import Cell
from npseq.cells.cell import State

Carry = Callable[[Array, Any, int], tuple[Array, Any]]  # (dh, dc of the state before step t, t) -> what goes on
Record = Callable[[int, Array, Any], None]  # is shown (t, dh, dc): the adjoints of the state after step t


ROWS = 16  # of a matrix turned at a time: a cache line of what is written


class Adjoints(NamedTuple):
    """What backward finds. By lag, an axis of lags stands before the batch. In memory time comes first."""

    da: Array  # (A, H, T, [lags,] B): of the first product's results
    dv: MaybeArray  # (., T, [lags,] B): of the second product's results
    dh: Array  # (P, [lags,] B): of the initial h
    dc: MaybeArray  # (H, [lags,] B): of the initial c


def product_by(matrix: Array | None) -> Callable[..., Array]:
    """A function (x, out=None) that multiplies x by the matrix from the left, with the least overhead a call.

    ndarray.dot has less of it than matmul, a tenth of a step of one sequence; but it copies a matrix of which only some
    columns are taken, and matmul does not.
    """
    if not isinstance(matrix, np.ndarray):
        return partial(matmul, matrix)
    if not (matrix.flags.c_contiguous or matrix.flags.f_contiguous):
        return partial(np.matmul, matrix)
    return matrix.dot


def second_product(matrix: Array, notes: Array) -> Callable[[Array], Array]:
    """What a cell calls `second`: multiplies (., [lags,] B) by the matrix, and notes it, a step a row of `notes`."""
    times, rows = product_by(matrix), iter(notes)

    def second(x: Array) -> Array:
        next(rows)[...] = x
        if x.ndim == 2:
            return times(x)
        product = times(x.reshape(len(x), prod(x.shape[1:])))
        return product.reshape(len(product), *x.shape[1:])

    return second


def forward(cell: Cell, w: Weights, strand: Strand) -> None:
    """Runs a strand whose x (or ids), first state and mask are set; writes h, c, a and m."""
    cell = cell.on(strand.s)
    s, c, a, mask, ragged, ahead = strand.s, strand.c, strand.a, strand.mask, strand.ragged, strand.ahead
    P, kept = w.state, len(a) == strand.steps
    n, batch = cell.direct * a.shape[2], s.shape[2]
    met = w.W[: P if ahead else s.shape[1]]
    W = met.T if strand.turned is None else _turn(met, strand.turned)
    times = product_by(W[:n])
    second = None if w.U is None else second_product(W[n:] if n < len(W) else w.U.T, strand.m)
    if ahead:
        _x_ahead(cell, w, strand)
    through_h = np.empty_like(s, shape=(n, batch)) if ahead else None
    meets_h = a[:, : cell.direct].reshape(len(a), n, batch)
    each_step: Any = (a, meets_h) if kept else (repeat(a[0]), repeat(meets_h[0]))

    states = zip(s[:, :P], repeat(None) if c is None else c, strict=False)
    before = next(states)
    for t, (after, operand, a_t, sums) in enumerate(zip(states, s, *each_step, strict=False)):
        if ahead:
            sums += times(before[0], through_h)
        else:
            times(operand, sums)
        cell.forward(a_t, before, w.own, second, after)
        if ragged[t]:
            _stand_still(before, after, ~mask[t])
        before = after


def _turn(W: Array, out: Array) -> Array:
    """W' in out. On the host some rows at a time: a column of all is more lines than a cache holds of one stride."""
    rows = ROWS if isinstance(W, np.ndarray) else len(W)
    for first in range(0, len(W), rows):
        out[:, first : first + rows] = W[first : first + rows].T
    return out


def _stand_still(before: State, after: State, over: Array) -> None:
    """Where a sequence is over its state stays what it was."""
    for old, new in zip(before, after, strict=True):
        if new is not None:
            np.copyto(new, old, where=over)


def _x_ahead(cell: Cell, w: Weights, strand: Strand) -> None:
    """Puts into the blocks, for all steps at once, the part of the pre-activations that needs no state."""
    a, steps = strand.a, strand.steps
    units, batch = a.shape[2:]
    for k, block in enumerate(cell.alone):
        a[:, block] = 0 if w.inner is None else w.inner[k][:, None]
    looked_up = None if strand.ids is None else w.x[strand.ids].swapaxes(1, 2)
    for rows, columns in cell.runs(units):
        into = a.reshape(steps, len(cell.blocks) * units, batch)[:, rows]
        if looked_up is not None:
            np.add(looked_up[:, columns], w.W[w.state, columns, None] if w.bias else 0, out=into)
        elif batch == 1:
            matmul(strand.s[:steps, w.state :, 0], w.inputs[:, columns], out=into[..., 0])
        else:
            matmul(w.inputs[:, columns].T, strand.s[:steps, w.state :], out=into)


def backward(
    cell: Cell,
    w: Weights,
    strand: Strand,
    dy: Array | None,
    dh: Array,
    dc: Array | None,
    carry: Carry | None = None,
    workspace: Workspace | None = None,
    record: Record | None = None,
) -> Adjoints:
    """Adjoints of every step. dy (T, P, [lags,] B), zero past each length, or None; dh, dc of the last state."""
    cell = cell.on(strand.s)
    s, mask, ragged = strand.s, strand.mask, strand.ragged
    P, lags = w.state, dh.shape[1:-1]
    _, blocks, units, batch = strand.a.shape
    n = cell.direct * units
    da = empty(workspace, "da", s, (strand.steps, blocks, units, *lags, batch))
    dv: MaybeArray = None if w.U is None else empty(workspace, "dv", s, (strand.steps, w.U.shape[1], *lags, batch))
    columns = da[:, : cell.direct].reshape(strand.steps, n, prod(dh.shape[1:]))
    times = product_by(w.W[:P, :n])
    second = None if dv is None else second_product(w.U, dv[::-1])
    a, own = _beside_lags(strand.a if cell.keeps_gates else None, lags), _beside_lags(w.own, lags)
    for first, slopes, more in _local_derivatives(cell, strand, P, lags, workspace):
        for k in range(len(slopes) - 1, -1, -1):
            t = first + k
            if dy is not None:
                dh = dh + dy[t]
            if ragged[t]:
                over = dh, dc
                dh, dc = _where(mask[t], over, (0, 0))
            if record is not None:
                record(t, dh, dc)
            a_t, more_t = None if a is None else a[t], None if more is None else more[k]
            dh_passed, dc = cell.backward(dh, dc, a_t, slopes[k], more_t, own, second, da[t])
            dh = times(columns[t])
            if lags:
                dh = dh.reshape(len(dh), *lags, batch)
            if dh_passed is not None:
                dh += dh_passed
            if carry is not None:
                dh, dc = carry(dh, dc, t)
            if ragged[t]:
                dh, dc = _where(mask[t], (dh, dc), over)
    return Adjoints(da.transpose(1, 2, 0, *range(3, da.ndim)), None if dv is None else dv.swapaxes(0, 1), dh, dc)


def _where(live: Array, these: State, those: Any) -> State:
    """These adjoints (dh, dc) of the sequences that are not over, those of the others."""
    dh, dc = these
    return np.where(live, dh, those[0]), None if dc is None else np.where(live, dc, those[1])


def _beside_lags(array: MaybeArray, lags: tuple[int, ...]) -> MaybeArray:
    """What the tape has, to be multiplied with adjoints by lag."""
    return array[..., None, :] if lags and array is not None else array


def _local_derivatives(
    cell: Cell, strand: Strand, P: int, lags: tuple[int, ...], workspace: Workspace | None
) -> Iterator[tuple[int, Array, MaybeArray]]:
    """(first step, slopes, more) of some steps at a time, the last first: what adjoints are multiplied with.

    They need no adjoint, so they are taken for as many steps at once as stay in a cache of a core.
    """
    _, blocks, units, batch = strand.a.shape
    ahead = max(1, cell.block // max(cell.direct * units * batch, 1))
    block = empty(workspace, "slopes", strand.s, (min(ahead, strand.steps), blocks, units, batch))
    for last in range(strand.steps, 0, -ahead):
        first = max(0, last - ahead)
        slopes = block[: last - first]
        more = _slopes(cell, strand, P, first, last, slopes)
        yield first, _beside_lags(slopes, lags), _beside_lags(more, lags)


def _slopes(cell: Cell, strand: Strand, P: int, first: int, last: int, out: Array) -> MaybeArray:
    """Writes the slopes of the steps from first to last, (N, G, H, B); returns what the cell adds, (N, H, B)."""
    h, c = strand.s[:, :P], strand.c
    before = h[first:last], None if c is None else c[first:last]
    after = h[first + 1 : last + 1], None if c is None else c[first + 1 : last + 1]
    return cell.slopes(strand.a[first:last].swapaxes(0, 1), before, after, out.swapaxes(0, 1))
