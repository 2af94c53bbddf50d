"""From adjoints to gradients: every sum over time and batch, once, for every cell.

A parameter enters a product linearly, so its gradient is the sum of (operand) x (adjoint of the result) over all T*B
columns: one large product after the loop instead of T small ones inside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from npseq.backend import Array, MaybeArray, array_module, matmul, scatter_add
from npseq.bptt.loop import Adjoints
from npseq.bptt.tape import Strand, Weights
from npseq.bptt.workspace import Workspace, empty
from npseq.cells import Cell

AT_ONCE = 1 << 23  # numbers: no copy of columns is larger, however long the sequences
PARTS, ENOUGH = 4, 256  # the columns are copied in so many parts where each has enough of them for a fast product


def parts(steps: int, batch: int, features: int) -> Iterator[slice]:
    """All steps, in parts whose columns are copied and multiplied at once: a copy of all would double the memory."""
    number = max(min(PARTS, steps * batch // ENOUGH), -(-steps * batch * features // AT_ONCE))
    if number <= 1:
        return iter((slice(0, steps),))
    size = -(-steps // number)
    return (slice(first, min(first + size, steps)) for first in range(0, steps, size))


def columns(block: Array, workspace: Workspace | None = None, name: str = "columns") -> Array:
    """(..., features, B) as (features, everything else): a copy with the columns of all steps side by side.

    Where they lie side by side as they are, one sequence or features last in memory, it is a view.
    """
    if block.ndim == 3 and block.shape[2] == 1:
        return block[:, :, 0].T
    first = _axis_first(block, block.ndim - 2)
    if first.ndim == 3 and first.strides[1] == first.shape[2] * first.strides[2]:
        return first.reshape(len(first), prod(first.shape[1:]))
    out = empty(workspace, name, block, first.shape)
    _copy(first, out)
    return out.reshape(len(first), prod(first.shape[1:]))


def _copy(source: Array, out: Array) -> None:
    """out[...] = source. On the host a batch goes as one piece: a loop over its few numbers costs more than they do."""
    if array_module(out) is np and source.size and source.strides[-1] == source.itemsize:
        piece = np.dtype((np.void, source.shape[-1] * source.itemsize))
        source, out = source.view(piece), out.view(piece)
    out[...] = source


def weight_gradients(
    cell: Cell, w: Weights, strand: Strand, adjoints: Adjoints, out: Weights, workspace: Workspace | None = None
) -> None:
    """Writes the gradient of every parameter of a strand into `out`, laid out as the weights are. No axis of lags."""
    da_steps = _by_step(adjoints.da, 2)
    dv_steps: MaybeArray = None if w.U is None else _by_step(adjoints.dv, 1)
    looked_up = strand.s.shape[1] == w.state
    if looked_up:
        out.x[...] = 0
    for at in parts(strand.steps, da_steps.shape[2], max(da_steps.shape[1], strand.s.shape[1])):
        da = columns(da_steps[at], workspace, "da columns")
        dv = None if w.U is None else columns(dv_steps[at], workspace, "dv columns")
        for operand, adjoint, target in _products(cell, w, strand, at, da, dv, out, workspace):
            if at.start == 0:
                matmul(operand, adjoint.T, out=target)
            else:
                target += matmul(operand, adjoint.T)
        if looked_up:
            _scatter_rows(cell, out.x, strand.ids[at], da)
    if w.own is not None:
        _own_gradients(cell, strand, adjoints, out.own)


def _by_step(adjoint: Array, time: int) -> Array:
    """(..., T, B), time on this axis, as (T, everything before it, B)."""
    first = _axis_first(adjoint, time)
    return first.reshape(len(first), prod(adjoint.shape[:time]), adjoint.shape[-1])


def _axis_first(array: Array, axis: int) -> Array:
    """np.moveaxis(array, axis, 0), without its overhead."""
    return array.transpose(axis, *range(axis), *range(axis + 1, array.ndim))


def _products(
    cell: Cell,
    w: Weights,
    strand: Strand,
    at: slice,
    da: Array,
    dv: MaybeArray,
    out: Weights,
    workspace: Workspace | None,
) -> Iterator[tuple[Array, Array, Array]]:
    """(operand, adjoint of the result, where the gradient goes) of each product of the steps `at`, columns all."""
    P, units = w.state, len(da) // len(cell.blocks)
    s = columns(strand.s[: strand.steps][at], workspace, "s")
    if w.U is not None:
        yield columns(strand.m[at], workspace, "m"), dv, out.U
    if cell.at_once and len(s) > P:
        yield s, da, out.W
    else:
        ones = np.ones_like(da, shape=da.shape[1:])
        direct = slice(0, cell.direct * units)
        yield s[:P], da[direct], out.W[:P, direct]
        for rows, of_x in cell.runs(units):
            if len(s) > P:
                yield s[P:], da[rows], out.inputs[:, of_x]
            elif w.bias:
                yield ones, da[rows], out.W[P, of_x]
        if w.inner is not None:
            for k, block in enumerate(cell.alone):
                yield ones, da[block * units : (block + 1) * units], out.inner[k]


def _scatter_rows(cell: Cell, out: Array, ids: Array, da: Array) -> None:
    """The gradient of looked-up rows: each column of da is added to its token's row. Padded columns are zero."""
    for rows, of_x in cell.runs(len(da) // len(cell.blocks)):
        scatter_add(out[:, of_x], ids.reshape(-1), da[rows].T.copy())


def _own_gradients(cell: Cell, strand: Strand, adjoints: Adjoints, out: Array) -> None:
    before, after = (None, None) if strand.c is None else (strand.c[:-1].swapaxes(0, 1), strand.c[1:].swapaxes(0, 1))
    for k, part in enumerate(cell.own_gradients(adjoints.da, before, after)):
        out[k, :, 0] = part.sum(axis=(1, 2))


def input_gradient(cell: Cell, w: Weights, adjoints: Adjoints) -> Array:
    """dx (T, D, [lags,] B) of a strand: W_x da of every step."""
    blocks, units, steps, *rest = adjoints.da.shape
    da = _axis_first(adjoints.da, 2).reshape(steps, blocks * units, prod(rest))
    first, *more = (matmul(w.x[:, of_x], da[:, rows]) for rows, of_x in cell.runs(units))
    for part in more:
        first += part
    return first.reshape(steps, len(w.x), *rest)
