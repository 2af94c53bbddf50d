"""From adjoints to gradients: every sum over time and batch, once, for every cell.

A parameter enters a product linearly, so its gradient is the sum of (operand) x (adjoint of the result) over all T*B
columns: one large product after the loop instead of T small ones inside it.
"""

from __future__ import annotations

import numpy as np

from npseq.backend import Array, scatter_add
from npseq.bptt.loop import Adjoints
from npseq.bptt.tape import Strand, Weights
from npseq.cells import Cell


def columns(block: Array) -> Array:
    """(..., features, B) as (features, everything else): the columns of all steps side by side."""
    return np.moveaxis(block, -2, 0).reshape(block.shape[-2], -1)


def gate_columns(da: Array) -> Array:
    """(..., G, H, B) as (G*H, everything else)."""
    *leading, G, units, batch = da.shape
    return columns(da.reshape(*leading, G * units, batch))


def weight_gradients(cell: Cell, w: Weights, strand: Strand, adjoints: Adjoints, out: Weights, da: Array) -> None:
    """Writes the gradient of every parameter of a strand into `out`, laid out as the weights are.

    adjoints without an axis of lags; da (G*H, T*B) = gate_columns(adjoints.da).
    """
    P, steps, units = w.state, strand.steps, adjoints.da.shape[-2]
    n = cell.direct * units
    s = columns(strand.s[:steps])
    rows = s.shape[0]
    np.matmul(s, da[:n].T, out=out.W[:rows, :n])
    if w.U is not None:
        m = s[:P] if strand.m is None else columns(strand.m)
        np.matmul(m, columns(adjoints.dv).T, out=out.U)
    if strand.ids is not None:
        if w.bias:
            out.W[P] = da.sum(axis=1)
        _scatter_rows(out.x, strand, da)
    elif n < da.shape[0]:
        np.matmul(s[P:], da[n:].T, out=out.inputs[:, n:])
    if w.own is not None:
        c = strand.c
        c_before, c_after = (None, None) if c is None else (c[:-1], c[1:])
        parts = cell.own_gradients(np.moveaxis(adjoints.da, -3, 0), adjoints.dv, c_before, c_after)
        for k, part in enumerate(parts):
            out.own[k, :, 0] = part.sum(axis=(0, 2))


def _scatter_rows(out: Array, strand: Strand, da: Array) -> None:
    """The gradient of looked-up rows: each column of da goes to its token's row. Padded columns are zero."""
    out[...] = 0
    scatter_add(out, strand.ids.reshape(-1), np.ascontiguousarray(da.T))


def input_gradient(w: Weights, da: Array, leading: tuple[int, ...], batch: int) -> Array:
    """dx (*leading, D, B) from da (G*H, columns): one product, W_x da."""
    dx = np.matmul(w.x, da)
    return np.moveaxis(dx.reshape(w.x.shape[0], *leading, batch), 0, -2)
