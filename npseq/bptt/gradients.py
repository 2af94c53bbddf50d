"""From adjoints to gradients: every sum over time and batch, once, for every cell.

A parameter enters a product linearly, so its gradient is the sum of (operand) x (adjoint of the result) over all T*B
columns: one large product after the loop instead of T small ones inside it.
"""

from collections.abc import Iterator
from math import prod

import numpy as np

from npseq.backend import Array, MaybeArray, array_module, matmul, scatter_add
from npseq.bptt.blocks import blocks_of, x_runs
from npseq.bptt.loop import Adjoints
from npseq.bptt.tape import Strand, Weights
from npseq.bptt.workspace import Workspace, empty
from npseq.cell import Cell, State, parts_of
from npseq.threads import copy, in_step

LARGEST = 1 << 23  # numbers: no copy of columns is larger, however long the sequences
CHUNKS, ENOUGH = 4, 256  # the columns are copied in so many chunks where each has enough of them for a fast product
SHARED = 4  # a product that threads share must have this many times ENOUGH columns: to start them takes time


def steps_at_once(steps: int, batch: int, features: int) -> Iterator[slice]:
    """Slices of steps whose columns are copied and multiplied at once: a copy of all would double the memory."""
    enough = ENOUGH * SHARED if in_step() else ENOUGH
    number = max(min(CHUNKS, steps * batch // enough), -(-steps * batch * features // LARGEST))
    if number <= 1:
        return iter((slice(0, steps),))
    size = -(-steps // number)
    return (slice(first, min(first + size, steps)) for first in range(0, steps, size))


def side_by_side(block: Array, workspace: Workspace | None = None, name: str = "columns") -> Array:
    """(..., features, B) as (features, everything else): the columns of all steps side by side.

    It is a view where they lie so already, with one sequence or features last in memory, else a copy.
    """
    if block.ndim == 3 and block.shape[2] == 1:
        return block[:, :, 0].T
    first = _axis_first(block, block.ndim - 2)
    if are_side_by_side(block):
        return first.reshape(len(first), prod(first.shape[1:]))
    out = empty(workspace, name, block, first.shape)
    _copy(first, out)
    return out.reshape(len(first), prod(first.shape[1:]))


def are_side_by_side(block: Array) -> bool:
    """Whether the columns of all steps of a block (T, features, B) lie side by side in memory."""
    return block.ndim == 3 and (len(block) == 1 or block.strides[0] == block.shape[2] * block.strides[2])


def _copy(source: Array, out: Array) -> None:
    """out[...] = source. On the host a batch goes as one piece: a loop over its few numbers costs more than they do."""
    if array_module(out) is np and source.size and source.strides[-1] == source.itemsize:
        piece = np.dtype((np.void, source.shape[-1] * source.itemsize))
        source, out = source.view(piece), out.view(piece)
    copy(source, out)


def weight_gradients(
    cell: Cell, w: Weights, strand: Strand, adjoints: Adjoints, out: Weights, workspace: Workspace | None = None
) -> None:
    """Writes the gradient of every parameter of a strand into `out`, laid out as the weights are. No axis of lags."""
    da_steps = _by_step(adjoints.da[: len(w.blocks.names)], 2)
    dv_steps: MaybeArray = None if w.U is None else _by_step(adjoints.dv, 1)
    looked_up, columns_of_h = strand.s.shape[1] == w.state, len(w.blocks.h_weights) * adjoints.da.shape[1]
    if looked_up:
        out.x[...] = 0
    if columns_of_h < out.W.shape[1]:
        out.W[: w.state, columns_of_h:] = 0
    for at in steps_at_once(strand.steps, da_steps.shape[2], max(da_steps.shape[1], strand.s.shape[1])):
        da = side_by_side(da_steps[at], workspace, "da columns")
        dv = None if w.U is None else side_by_side(dv_steps[at], workspace, "dv columns")
        for operand, adjoint, target in _products(cell, w, strand, at, da, dv, out, workspace):
            matmul(operand, adjoint.T, out=target, adds=at.start > 0)
        if looked_up:
            _scatter_rows(cell, out.x, strand.ids[at], da)
    if w.vectors is not None:
        _vector_gradients(cell, w, strand, adjoints, out.vectors)


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
    P, blocks = w.state, w.blocks
    units = len(da) // len(blocks.names)
    s = side_by_side(strand.s[: strand.steps][at], workspace, "s")
    if w.U is not None:
        yield side_by_side(strand.m[at], workspace, "m"), dv, out.U
    if blocks.one_product and len(s) > P:
        yield s, da, out.W
    else:
        ones = np.ones_like(da, shape=da.shape[1:])
        with_h = slice(0, blocks.with_h * units)
        yield s[:P], da[with_h], out.W[:P, with_h]
        for rows, of_x in x_runs(cell, units):
            if len(s) > P:
                yield s[P:], da[rows], out.inputs[:, of_x]
            elif w.bias:
                yield ones, da[rows], out.W[P, of_x]
        if w.h_biases is not None:
            for k, block in enumerate(blocks.h_only):
                yield ones, da[block * units : (block + 1) * units], out.h_biases[k]


def _scatter_rows(cell: Cell, out: Array, ids: Array, da: Array) -> None:
    """The gradient of looked-up rows: each column of da is added to its token's row. Padded columns are zero."""
    for rows, of_x in x_runs(cell, len(da) // len(blocks_of(cell).names)):
        scatter_add(out[:, of_x], ids.reshape(-1), da[rows].T.copy())


def _vector_gradients(cell: Cell, w: Weights, strand: Strand, adjoints: Adjoints, out: Array) -> None:
    for k, gradient in enumerate(vector_gradients(cell, w, adjoints.da, *states_of(cell, strand, w.state))):
        out[k, :, 0] = gradient.sum(axis=(1, 2))


def vector_gradients(cell: Cell, w: Weights, da: Array, old: State, new: State) -> tuple[Array, ...]:
    """The gradient of each vector at every step: the further blocks of da where it has them, else by the cell."""
    return (Cell if len(da) > len(w.blocks.names) else type(cell)).vector_gradients(cell, da, old, new)


def states_of(cell: Cell, strand: Strand, P: int) -> tuple[State, State]:
    """The states before and after every step, (features, T, B) each."""
    parts = (strand.s[:, :P], *parts_of(strand.c, len(cell.state) - 1, 1))
    return tuple(part[:-1].swapaxes(0, 1) for part in parts), tuple(part[1:].swapaxes(0, 1) for part in parts)


def input_gradient(cell: Cell, w: Weights, adjoints: Adjoints) -> Array:
    """dx (T, D, [lags,] B) of a strand: W_x da of every step."""
    blocks, units, steps, *rest = adjoints.da.shape
    da = _axis_first(adjoints.da, 2).reshape(steps, blocks * units, prod(rest))
    first, *others = (matmul(w.x[:, of_x], da[:, rows]) for rows, of_x in x_runs(cell, units))
    for other in others:
        first += other
    return first.reshape(steps, len(w.x), *rest)
