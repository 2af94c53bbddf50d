"""From adjoints to gradients: every sum over time and batch, once, for every cell.

A parameter enters a product linearly, so its gradient is the sum of (operand) x (adjoint of the result) over all T*B
columns: one large product after the loop instead of T small ones inside it.
"""

from __future__ import annotations

from math import prod

import numpy as np

from npseq.backend import Array, scatter_add
from npseq.bptt.loop import Adjoints
from npseq.bptt.room import Room, empty
from npseq.bptt.tape import Strand, Weights
from npseq.cells import Cell


def columns(block: Array, room: Room | None = None, name: str = "columns") -> Array:
    """(..., features, B) as (features, everything else): a copy with the columns of all steps side by side."""
    first = np.moveaxis(block, -2, 0)
    out = empty(room, name, block, first.shape)
    out[...] = first
    return out.reshape(len(first), prod(first.shape[1:]))


def weight_gradients(
    cell: Cell, w: Weights, strand: Strand, adjoints: Adjoints, out: Weights, room: Room | None = None
) -> None:
    """Writes the gradient of every parameter of a strand into `out`, laid out as the weights are. No axis of lags."""
    P, (G, units) = w.state, adjoints.da.shape[:2]
    n = cell.direct * units
    da = adjoints.da.reshape(G * units, prod(adjoints.da.shape[2:]))
    s = columns(strand.s[: strand.steps], room, "s")
    np.matmul(s, da[:n].T, out=out.W[: len(s), :n])
    if w.U is not None:
        m = s[:P] if strand.m is None else columns(strand.m, room, "m")
        np.matmul(m, adjoints.dv.reshape(w.U.shape[1], da.shape[1]).T, out=out.U)
    if strand.ids is not None:
        if w.bias:
            np.sum(da, axis=1, out=out.W[P])
        _scatter_rows(out.x, strand.ids, da)
    elif n < len(da):
        np.matmul(s[P:], da[n:].T, out=out.inputs[:, n:])
    if w.own is not None:
        _own_gradients(cell, strand, adjoints, out.own)


def _scatter_rows(out: Array, ids: Array, da: Array) -> None:
    """The gradient of looked-up rows: each column of da goes to its token's row. Padded columns are zero."""
    out[...] = 0
    scatter_add(out, ids.reshape(-1), da.T.copy())


def _own_gradients(cell: Cell, strand: Strand, adjoints: Adjoints, out: Array) -> None:
    before, after = (None, None) if strand.c is None else (strand.c[:-1].swapaxes(0, 1), strand.c[1:].swapaxes(0, 1))
    for k, part in enumerate(cell.own_gradients(adjoints.da, adjoints.dv, before, after)):
        out[k, :, 0] = part.sum(axis=(1, 2))


def input_gradient(w: Weights, adjoints: Adjoints) -> Array:
    """dx (T, D, [lags,] B) of a strand: one product, W_x da."""
    G, units, *rest = adjoints.da.shape
    dx = np.matmul(w.x, adjoints.da.reshape(G * units, prod(rest)))
    return np.moveaxis(dx.reshape(len(dx), *rest), 0, 1)
