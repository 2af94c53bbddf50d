"""From adjoints to gradients: every sum over time and batch, once, for every cell.

A parameter enters a product linearly, so its gradient is the sum of (operand) x (adjoint of the result) over all T*B
columns: one large product after the loop instead of T small ones inside it.
"""

from collections.abc import Iterator
from math import prod

import numpy as np

from npseq.backend import Array, MaybeArray, matmul, scatter_add
from npseq.bptt.blocks import blocks_of, x_runs
from npseq.bptt.columns import axis_first, side_by_side, steps_at_once
from npseq.bptt.compiled import batched_product
from npseq.bptt.loop import Adjoints
from npseq.bptt.tape import Strand, Weights
from npseq.bptt.workspace import Workspace
from npseq.cell import Cell, State, parts_of


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
    first = axis_first(adjoint, time)
    return first.reshape(len(first), prod(adjoint.shape[:time]), adjoint.shape[-1])


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
    da = axis_first(adjoints.da, 2).reshape(steps, blocks * units, prod(rest))
    first, *others = (batched_product(w.x[:, of_x], da[:, rows]) for rows, of_x in x_runs(cell, units))
    for other in others:
        first += other
    return first.reshape(steps, len(w.x), *rest)
