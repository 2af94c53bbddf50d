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
from npseq.bptt.room import Room, empty
from npseq.bptt.tape import Strand, Weights
from npseq.cells import Cell
from npseq.cells.cell import State

Carry = Callable[[Array, Any, int], tuple[Array, Any]]  # (dh, dc of the state before step t, t) -> what goes on
Record = Callable[[int, Array, Any], None]  # is shown (t, dh, dc): the adjoints of the state after step t


class Adjoints(NamedTuple):
    """What backward finds. By lag, an axis of lags stands before the batch. In memory time comes first."""

    da: Array  # (G, H, T, [lags,] B): of the first product's results
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


def forward(cell: Cell, w: Weights, strand: Strand) -> None:
    """Runs a strand whose x (or ids), first state and mask are set; writes h, c, gates and the second product."""
    cell = cell.on(strand.s)
    s, c, gates, mask, ragged = strand.s, strand.c, strand.gates, strand.mask, strand.ragged
    P, kept = w.state, len(strand.gates) == strand.steps
    n, batch = cell.direct * gates.shape[2], s.shape[2]
    W = w.W[: s.shape[1], :n].T
    U: MaybeArray = None if w.U is None else w.U.T
    if strand.turned is not None:
        strand.turned[...] = w.W[: s.shape[1]].T
        W = strand.turned[:n]
        if cell.direct < gates.shape[1]:
            U = strand.turned[n:, :P]
    times, second_times = product_by(W), product_by(U)
    scratch = None if strand.ids is None else np.empty_like(s, shape=(n, batch))
    _preload(cell, w, strand)
    direct = gates[:, : cell.direct].reshape(len(gates), n, batch)

    def second(m: Array) -> Array:
        if strand.m is not None:
            strand.m[t] = m
        return second_times(m, strand.v[t])

    states = zip(s[:, :P], repeat(None) if c is None else c, strict=False)
    before = next(states)
    for t, after in enumerate(states):
        k = t if kept else 0
        if scratch is None:
            times(s[t], direct[k])
        else:
            direct[k] += times(s[t], scratch)
        cell.forward(gates[k], before, w.own, second, after)
        if ragged[t]:
            _stand_still(before, after, ~mask[t])
        before = after


def _stand_still(before: State, after: State, over: Array) -> None:
    """Where a sequence is over its state stays what it was."""
    for old, new in zip(before, after, strict=True):
        if new is not None:
            np.copyto(new, old, where=over)


def _preload(cell: Cell, w: Weights, strand: Strand) -> None:
    """Puts into the gates, for all steps at once, the part of the pre-activations that needs no state."""
    gates, steps = strand.gates, strand.steps
    _, G, units, batch = gates.shape
    if strand.ids is not None:
        looked_up = np.moveaxis(w.x[strand.ids], 1, 2).reshape(gates.shape)
        np.add(looked_up, w.W[w.state].reshape(G, units, 1) if w.bias else 0, out=gates)
    elif cell.direct < G:
        columns = w.inputs[:, cell.direct * units :]
        gates[:, cell.direct :] = matmul(columns.T, strand.s[:steps, w.state :]).reshape(
            steps, G - cell.direct, units, batch
        )


def backward(
    cell: Cell,
    w: Weights,
    strand: Strand,
    dy: Array | None,
    dh: Array,
    dc: Array | None,
    carry: Carry | None = None,
    room: Room | None = None,
    record: Record | None = None,
) -> Adjoints:
    """Adjoints of every step. dy (T, P, [lags,] B), zero past each length, or None; dh, dc of the last state."""
    cell = cell.on(strand.s)
    s, gates, mask, ragged = strand.s, strand.gates, strand.mask, strand.ragged
    P, lags = w.state, dh.shape[1:-1]
    _, G, units, batch = gates.shape
    n = cell.direct * units
    da = empty(room, "da", s, (strand.steps, G, units, *lags, batch))
    dv: MaybeArray = None if w.U is None else empty(room, "dv", s, (strand.steps, w.U.shape[1], *lags, batch))
    width = prod(dh.shape[1:])
    columns = da[:, : cell.direct].reshape(strand.steps, n, width)
    times, second_times = product_by(w.W[:P, :n]), product_by(w.U)

    def second(adjoint: Array) -> Array:
        dv[t] = adjoint
        if not lags:
            return second_times(adjoint)
        product = second_times(adjoint.reshape(len(adjoint), width))
        return product.reshape(len(product), *adjoint.shape[1:])

    gate, gates, own = None, _beside_lags(gates, lags), _beside_lags(w.own, lags)
    for t, slopes, more in _local_derivatives(cell, strand, P, lags, room):
        if dy is not None:
            dh = dh + dy[t]
        live = _where(mask[t], (dh, dc), (0, 0)) if ragged[t] else (dh, dc)
        if record is not None:
            record(t, *live)
        if cell.keeps_gates:
            gate = gates[t]
        dh_passed, dc_before = cell.backward(*live, gate, slopes, more, own, second, da[t])
        dh_before = times(columns[t])
        if lags:
            dh_before = dh_before.reshape(dh.shape)
        if dh_passed is not None:
            dh_before += dh_passed
        if carry is not None:
            dh_before, dc_before = carry(dh_before, dc_before, t)
        if ragged[t]:
            dh_before, dc_before = _where(mask[t], (dh_before, dc_before), (dh, dc))
        dh, dc = dh_before, dc_before
    return Adjoints(da.transpose(1, 2, 0, *range(3, da.ndim)), None if dv is None else dv.swapaxes(0, 1), dh, dc)


def _where(live: Array, these: State, those: Any) -> State:
    """These adjoints (dh, dc) of the sequences that are not over, those of the others."""
    dh, dc = these
    return np.where(live, dh, those[0]), None if dc is None else np.where(live, dc, those[1])


def _beside_lags(array: MaybeArray, lags: tuple[int, ...]) -> MaybeArray:
    """What the tape has, to be multiplied with adjoints by lag."""
    return array[..., None, :] if lags and array is not None else array


def _local_derivatives(
    cell: Cell, strand: Strand, P: int, lags: tuple[int, ...], room: Room | None
) -> Iterator[tuple[int, Array, MaybeArray]]:
    """(t, slopes, more) of every step, the last first: what the cell's backward multiplies adjoints with.

    They need no adjoint, so they are taken for as many steps at once as stay in a cache of a core.
    """
    _, G, units, batch = strand.gates.shape
    ahead = max(1, cell.block // max(cell.direct * units * batch, 1))
    block = empty(room, "slopes", strand.s, (min(ahead, strand.steps), G, units, batch))
    for last in range(strand.steps, 0, -ahead):
        first = max(0, last - ahead)
        more = _beside_lags(_slopes(cell, strand, P, first, last, block[: last - first]), lags)
        slopes = _beside_lags(block, lags)
        for t in reversed(range(first, last)):
            k = t - first
            yield t, slopes[k], None if more is None else more[k]


def _slopes(cell: Cell, strand: Strand, P: int, first: int, last: int, out: Array) -> MaybeArray:
    """Writes the slopes of the steps from first to last, (N, G, H, B); returns what the cell adds, (N, H, B)."""
    h, c, v = strand.s[:, :P], strand.c, strand.v
    before = h[first:last], None if c is None else c[first:last]
    after = h[first + 1 : last + 1], None if c is None else c[first + 1 : last + 1]
    gates = strand.gates[first:last].swapaxes(0, 1)
    return cell.slopes(gates, None if v is None else v[first:last], before, after, out.swapaxes(0, 1))
