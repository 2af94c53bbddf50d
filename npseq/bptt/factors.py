"""A gradient before it is summed: every parameter's is a sum over time and batch of operand x adjoint.

A parameter enters a product linearly, so nothing else is needed to cut the gradient any way one likes: by time step, by
example, by lag, by loss. Each cut keeps one axis of the same sum, and so each adds up to the same gradient.
"""

from math import prod
from typing import NamedTuple

import numpy as np

from npseq.backend import Array, MaybeArray, array_module, scatter_add
from npseq.bptt.gradients import states_of, vector_gradients
from npseq.bptt.layout import h_biases
from npseq.bptt.loop import Adjoints
from npseq.bptt.tape import Strand, Weights
from npseq.cell import Cell
from npseq.magnitude import norm, scaled


class Factors(NamedTuple):
    """The gradient of one parameter is the sum over t, b (and k) of operand[:, t, b] x adjoint[:, t, k, b]."""

    operand: MaybeArray  # (A, T, B); ids (T, B) stand for one-hot columns; None where the adjoint enters alone
    adjoint: Array  # (C, T, [K,] B): by lag or by loss an axis stands before the batch
    rows: int = 0  # A, where the operand is ids


def strand_factors(cell: Cell, w: Weights, strand: Strand, adjoints: Adjoints) -> dict[str, Factors]:
    """The factors of every parameter of a strand, by its name without an ending, in the strand's own order of time."""
    s = np.moveaxis(strand.s[: strand.steps], 1, 0)
    h = s[: w.state]
    x, rows = (s[w.state + w.bias :], 0) if strand.ids is None else (strand.ids, len(w.x))
    blocks, found = w.blocks, {}
    for g, gate in enumerate(cell.gates):
        da = adjoints.da[blocks.names.index(gate)]
        found[f"W_x{gate}"] = Factors(x, da, rows)
        if g < blocks.with_h:
            found[blocks.h_weights[g]] = Factors(h, adjoints.da[g])
        if w.bias:
            found[f"b_{gate}"] = Factors(None, da)
    if cell.projection is not None:
        found[cell.projection] = Factors(np.moveaxis(strand.m, 1, 0), adjoints.dv)
    for name, block in zip(h_biases(cell, bool(w.bias)), blocks.h_only, strict=False):
        found[name] = Factors(None, adjoints.da[block])
    if w.vectors is not None:
        found.update(_vector_factors(cell, w, strand, adjoints))
    return found


def _vector_factors(cell: Cell, w: Weights, strand: Strand, adjoints: Adjoints) -> dict[str, Factors]:
    old, new = states_of(cell, strand, w.state)
    if adjoints.da.ndim == 5:
        old, new = (tuple(part[:, :, None] for part in state) for state in (old, new))
    gradients = vector_gradients(cell, w, adjoints.da, old, new)
    return {name: Factors(None, gradient) for name, gradient in zip(cell.vectors, gradients, strict=True)}


def contract(f: Factors, keep: str) -> Array:
    """The sum over all axes but those kept, which come first: (*kept, A, C), or (*kept, C) of a vector.

    keep: of "t" time, "k" lags or losses, "b" batch. The axis k has to be kept where it is there.
    """
    adjoint = _kept_first(f.adjoint, _axes(f), keep)
    if f.operand is None:
        summed: Array = adjoint.sum(axis=-1)
        return summed
    if f.rows:
        return _scatter(f, keep, adjoint)
    product: Array = np.matmul(_kept_first(f.operand, "tb", keep), adjoint.swapaxes(-1, -2))
    return product


def norms(f: Factors, keep: str) -> Array:
    """(*kept): the Frobenius norms of `contract`, by inner products of the columns, without forming it.

    |sum_m a_m d_m^T|^2 = sum_{m,n} <a_m, a_n> <d_m, d_n> (Goodfellow 2015, arXiv 1510.01799; over a sequence:
    Li et al. 2022, arXiv 2110.05679).
    """
    adjoint = _kept_first(f.adjoint, _axes(f), keep)
    if f.operand is None:
        return norm(adjoint.sum(axis=-1), -1)
    adjoint, size = scaled(adjoint, (-2, -1))
    gram = np.matmul(adjoint.swapaxes(-1, -2), adjoint)
    if f.rows:
        ids = _kept_first(f.operand[None], "tb", keep)[..., 0, :]
        gram *= ids[..., :, None] == ids[..., None, :]
    else:
        operand, size_of_operand = scaled(_kept_first(f.operand, "tb", keep), (-2, -1))
        gram = gram * np.matmul(operand.swapaxes(-1, -2), operand)
        size = size * size_of_operand
    found: Array = size[..., 0, 0] * np.sqrt(np.maximum(gram.sum(axis=(-1, -2)), 0))
    return found


def _axes(f: Factors) -> str:
    return "tkb" if f.adjoint.ndim == 4 else "tb"


def _kept_first(array: Array, axes: str, keep: str) -> Array:
    """(C, *axes) as (*kept, C, all others); a kept axis that the array lacks has length 1."""
    present = [a for a in keep if a in axes]
    rest = [a for a in axes if a not in keep]
    moved = array.transpose([1 + axes.index(a) for a in present] + [0] + [1 + axes.index(a) for a in rest])
    lengths = dict(zip(axes, array.shape[1:], strict=True))
    kept = [lengths.get(a, 1) for a in keep]
    return moved.reshape(*kept, len(array), prod(lengths[a] for a in rest))


def _scatter(f: Factors, keep: str, adjoint: Array) -> Array:
    """The sum where the operand is one-hot: each column of the adjoint goes to its token's row."""
    *kept, C, M = adjoint.shape
    xp = array_module(adjoint)
    cell = xp.arange(prod(kept)).reshape(*kept, 1)
    rows = cell * f.rows + _kept_first(f.operand[None], "tb", keep)[..., 0, :]
    out = np.zeros_like(adjoint, shape=(prod(kept) * f.rows, C))
    scatter_add(out, rows.reshape(-1), adjoint.swapaxes(-1, -2).reshape(prod(kept) * M, C))
    return out.reshape(*kept, f.rows, C)
