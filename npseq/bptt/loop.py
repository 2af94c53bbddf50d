"""Time: the one loop forward and the one loop backward, for every cell.

    forward     a_t = W' [h_{t-1}; 1; x_t],  (h_t, c_t) = cell(a_t, h_{t-1}, c_{t-1})
    backward    dh_t = dy_t + p_{t+1},  p_t = W_h da_t + (the adjoint of h_{t-1} that the cell returns)

Past a sequence's length its state stays what it was, so its adjoint passes through unchanged.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise, repeat
from math import prod
from typing import Any, NamedTuple

import numpy as np

from npseq.backend import HOST, Array, MaybeArray, matmul
from npseq.bptt.blocks import of_blocks, to_blocks, x_runs
from npseq.bptt.compiled import batched_product, compiled
from npseq.bptt.products import product_by, projection_by
from npseq.bptt.tape import Strand, Weights
from npseq.bptt.workspace import Workspace, each, empty
from npseq.cell import Cell, State, parts_of

Edge = Callable[[Array, Any, int], tuple[Array, Any]]  # (dh, dc of the state before step t, t) -> what t - 1 receives
Record = Callable[[int, Array, Any], None]  # receives (t, dh, dc): the adjoints of the state after step t

ROWS = 16  # of a matrix transposed at a time: a cache line of what is written
CACHE = 1 << 16  # numbers: local derivatives of as many steps at once as fit a core's cache
DEVICE = 1 << 24  # numbers: the same on a device, which has no such cache and a launch to save


class Adjoints(NamedTuple):
    """The result of backward. By lag, an axis of lags stands before the batch. In memory time comes first."""

    da: Array  # (A, H, T, [lags,] B): of the first product's results
    dv: MaybeArray  # (., T, [lags,] B): of the second product's results
    dh: Array  # (P, [lags,] B): of the initial h
    dc: MaybeArray  # (k*H, [lags,] B): of the initial c


def where(cell: Cell, like: Array) -> Any:
    """The cell for arrays on the device of `like`: itself on the host, on a GPU its fused kernels if it has them."""
    if isinstance(like, HOST):
        return cell
    from npseq.gpu.cell import fused
    from npseq.gpu.settings import CURRENT

    return fused(cell) if CURRENT.fused and cell.fused else cell


@np.errstate(over="ignore")  # of a sigmoid's exp, whose quotient is then 0
def forward(cell: Cell, w: Weights, strand: Strand, views: Workspace | None = None) -> None:
    """Runs a strand whose x (or ids), first state and mask are set; writes h, c, a and m."""
    s, c, a, mask, ragged, x_first = strand.s, strand.c, strand.a, strand.mask, strand.ragged, strand.x_first
    blocks, P, saved = w.blocks, w.state, len(a) == strand.steps
    with_h, (units, batch) = blocks.with_h, a.shape[2:]
    n = with_h * units
    rows = w.W[: P if x_first else s.shape[1]]
    W = rows.T if strand.transposed is None else _transpose(rows, strand.transposed)
    times = product_by(W[:n], batch)
    within_W = len(blocks.h_weights) > with_h
    project = None if w.U is None else projection_by(W[n : n + units] if within_W else w.U.T, strand.m)
    if project is not None and cell.operands > 1:
        project = of_blocks(project)
    if x_first:
        _multiply_x(cell, w, strand)
        if (loops := compiled(cell, strand)) is not None:
            loops.forward(w, strand)
            return
    through_h = np.empty_like(s, shape=(n, batch)) if x_first else None
    with_h_rows = a[:, :with_h].reshape(len(a), n, batch)  # a view: a product written there lands in a
    each_step: Any = each(views, "a", a, a), each(views, "sums", a, with_h_rows)
    if not saved:
        each_step = repeat(a[0]), repeat(with_h_rows[0])

    step, vectors = where(cell, s).forward, w.vectors
    operands, h = each(views, "s", s, s), each(views, "h", s, s[:, :P])
    parts = () if c is None else parts_of(c, blocks.parts, 1)
    states = zip(h, *(each(views, k, c, part) for k, part in enumerate(parts)), strict=True)
    old = next(states)
    for new, operand, a_t, sums, over in zip(states, operands, *each_step, _over(mask, ragged), strict=False):
        if x_first:
            sums += times(old[0], through_h)
        else:
            times(operand, sums)
        step(a_t, old, new, vectors, project)
        if over is not None:
            _keep_state(old, new, over)
        old = new


def _over(mask: MaybeArray, ragged: tuple[bool, ...]) -> Iterator[MaybeArray]:
    """Which sequences are over at each step, (1, B); None where none is."""
    if mask is None:
        return repeat(None)
    return (~running if any_over else None for running, any_over in zip(mask, ragged, strict=True))


def _transpose(W: Array, out: Array) -> Array:
    """Writes W.T into out, 16 rows at a time: all at once would touch more cache lines of one stride than fit."""
    rows = ROWS if isinstance(W, HOST) else len(W)
    for first in range(0, len(W), rows):
        out[:, first : first + rows] = W[first : first + rows].T
    return out


def _keep_state(old: State, new: State, over: Array) -> None:
    for before, after in zip(old, new, strict=True):
        np.copyto(after, before, where=over)


def _multiply_x(cell: Cell, w: Weights, strand: Strand) -> None:
    """Writes the part of the pre-activations that needs no state, for all steps at once."""
    a, steps, blocks = strand.a, strand.steps, w.blocks
    units, batch = a.shape[2:]
    for k, block in enumerate(blocks.h_only):
        a[:, block] = 0 if w.h_biases is None else w.h_biases[k][:, None]
    looked_up = None if strand.ids is None else w.x[strand.ids].swapaxes(1, 2)
    for rows, columns in x_runs(cell, units):
        into = a[:, : len(blocks.names)].reshape(steps, len(blocks.names) * units, batch)[:, rows]  # a view
        if looked_up is not None:
            np.add(looked_up[:, columns], w.W[w.state, columns, None] if w.bias else 0, out=into)
        elif batch == 1:
            matmul(strand.s[:steps, w.state :, 0], w.inputs[:, columns], out=into[..., 0])
        else:
            batched_product(w.inputs[:, columns].T, strand.s[:steps, w.state :], into)


def backward(
    cell: Cell,
    w: Weights,
    strand: Strand,
    dy: Array | None,
    dh: Array,
    dc: Array | None,
    edge: Edge | None = None,
    workspace: Workspace | None = None,
    record: Record | None = None,
    around: Callable[[Any], Any] | None = None,
) -> Adjoints:
    """Adjoints of every step. dy (T, P, [lags,] B), zero past each length, or None; dh, dc of the last state."""
    s, mask, ragged, with_h = strand.s, strand.mask, strand.ragged, w.blocks.with_h
    P, lags, has_c = w.state, dh.shape[1:-1], dc is not None
    _, _, units, batch = strand.a.shape
    n = with_h * units
    da = empty(workspace, "da", s, (strand.steps, len(w.blocks.names) + w.blocks.vectors, units, *lags, batch))
    dv: MaybeArray = None if w.U is None else empty(workspace, "dv", s, (strand.steps, w.U.shape[1], *lags, batch))
    loops = None if lags or edge or record or around else compiled(cell, strand)
    if loops is not None:
        return _adjoints(da, dv, *loops.backward(w, strand, dy, da, dv, dh, dc))
    shape = strand.steps, n, prod(dh.shape[1:])
    das, columns = each(workspace, "da", da, da), each(workspace, "columns", da, da[:, :with_h].reshape(shape))
    times = product_by(w.W[:P, :n], batch) if not lags else _beside_each_other(product_by(w.W[:P, :n]), dh.shape)
    project = _projection_back(cell, w, dv)
    a, vectors = _beside_lags(strand.a if cell.reads_gates else None, lags), _beside_lags(w.vectors, lags)
    step = where(cell, s).backward if w.blocks.parts < 2 else _with_parts(where(cell, s), w.blocks.parts)
    if around is not None:
        step = around(step)
    for first, derivatives in _local_derivatives(cell, w, strand, lags, workspace):
        steps = slice(first, first + len(derivatives))
        each_step = (_from_last(array, steps) for array in (dy, a, das, columns, ragged))
        for t, s_t, dy_t, a_t, da_t, columns_t, is_ragged in zip(
            range(steps.stop - 1, first - 1, -1), reversed(derivatives), *each_step, strict=False
        ):
            if dy_t is not None:
                dh = dh + dy_t
            if is_ragged:
                over = dh, dc
                dh, dc = _where(mask[t], over, (0, 0))  # (T18)
            if record is not None:
                record(t, dh, dc)
            passed = step((dh, dc) if has_c else (dh,), a_t, s_t, da_t, vectors, project)
            dh_passed, dc = passed[0], passed[1] if has_c else None
            dh = times(columns_t)
            if dh_passed is not None:
                dh += dh_passed
            if edge is not None:
                dh, dc = edge(dh, dc, t)
            if is_ragged:
                dh, dc = _where(mask[t], (dh, dc), over)  # (T19)
    return _adjoints(da, dv, dh, dc)


def _projection_back(cell: Cell, w: Weights, dv: MaybeArray) -> Any:
    """The second product backward, which saves its operands in dv; None where there is none."""
    if dv is None:
        return None
    project = projection_by(w.U, dv[::-1])
    return to_blocks(project, cell.operands) if cell.operands > 1 else project


def _adjoints(da: Array, dv: MaybeArray, dh: Array, dc: MaybeArray) -> Adjoints:
    return Adjoints(da.transpose(1, 2, 0, *range(3, da.ndim)), None if dv is None else dv.swapaxes(0, 1), dh, dc)


def _beside_each_other(times: Callable[[Array], Array], shape: tuple[int, ...]) -> Callable[[Array], Array]:
    """`times`, whose product is folded into the lags and sequences that stand side by side in its columns."""
    return lambda columns: times(columns).reshape(shape)


def _with_parts(cell: Cell, parts: int) -> Callable[..., tuple[Any, Array]]:
    """The cell's backward for a state (h, c) whose c holds several parts side by side."""

    def step(dnew: State, *others: Any) -> tuple[Any, Array]:
        dh, *dparts = cell.backward((dnew[0], *parts_of(dnew[1], parts)), *others)
        return dh, np.concatenate(dparts)

    return step


def _from_last(array: Any, steps: slice) -> Iterator[Any]:
    """Each of these steps of an array, from the last to the first; where there is none, None again and again."""
    return repeat(None) if array is None else reversed(array[steps])


def _where(running: Array, these: tuple[Any, ...], others: tuple[Any, ...]) -> tuple[Array, Any]:
    """These adjoints (dh, dc) of the sequences that are still running, the others of those that are over."""
    dh, dc = these
    return np.where(running, dh, others[0]), None if dc is None else np.where(running, dc, others[1])


def _beside_lags(array: MaybeArray, lags: tuple[int, ...]) -> MaybeArray:
    """An array of the tape with an axis of lags, to be multiplied with adjoints by lag."""
    return array[..., None, :] if lags and array is not None else array


def _local_derivatives(
    cell: Cell, w: Weights, strand: Strand, lags: tuple[int, ...], workspace: Workspace | None
) -> Iterator[tuple[int, Any]]:
    """(first step, local derivatives (N, local, H, [1,] B)) of some steps at a time, the last steps first.

    A cell without them has the states (old, new) of each step in their place.
    """
    s, h, a = strand.s, strand.s[:, : w.state], strand.a
    parts = () if strand.c is None else parts_of(strand.c, w.blocks.parts, 1)
    if not w.blocks.derived:
        steps = list(zip(*(_beside_lags(part, lags) for part in (h, *parts)), strict=True))
        yield 0, list(pairwise(steps))
        return
    _, _, units, batch = a.shape
    limit = CACHE if isinstance(s, HOST) else DEVICE
    some = max(1, limit // max(w.blocks.with_h * units * batch, 1))
    block = empty(workspace, "local derivatives", s, (min(some, strand.steps), cell.local, units, batch))
    derivatives = each(None if lags else workspace, "s", block, _beside_lags(block, lags))
    step = where(cell, s).local_derivatives
    for last in range(strand.steps, 0, -some):
        first = max(0, last - some)
        old, new = [h[first:last]], [h[first + 1 : last + 1]]
        for part in parts:
            old.append(part[first:last])
            new.append(part[first + 1 : last + 1])
        step(a[first:last].swapaxes(0, 1), tuple(old), tuple(new), block[: last - first].swapaxes(0, 1))
        yield first, derivatives[: last - first]
