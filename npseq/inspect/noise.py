"""What random carries add to a gradient, through any stack: the noise of every carry as columns of its own.

Backward draws one factor xi_u = 1 + eta_u a strand and step, with mean 1 and E eta_u^2 = v_u = 1 / keep_u - 1. Taken in
the order in which backward meets them, layer by layer from the top and step by step from the end, each adds

    eta_u g_u,   g_u = the whole gradient of what the carry u took, an adjoint that later carries have made random

and these are uncorrelated, so that the variance is sum_u v_u E |g_u|^2. E of a product of two adjoints is a sum of
products of columns: those that the carry met without noise, and those that earlier noise left. As many columns as the
adjoint has numbers will do, by a QR decomposition, and they go on through the pass as more losses would.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, array_module
from npseq.bptt.factors import Factors, contract, strand_factors
from npseq.bptt.loop import Adjoints, Edge
from npseq.bptt.workspace import require
from npseq.inspect.passes import Side
from npseq.layers.adjoints import row_adjoints

BLOCK = 64  # columns whose gradients are written out at a time


class Noisy(NamedTuple):
    """What a side's random carries do to its gradient."""

    variance: float
    mean: dict[str, Array]  # the gradient without noise, by full name


def through_carries(side: Side, keep: np.ndarray, names: tuple[str, ...] | None, max_bytes: int | None) -> Noisy:
    """E |g' - g|^2 of RandomTruncation(keep), and g. keep (T,), in every strand's own order of time.

    Raises MemoryError before the columns are allocated.
    """
    layer, v = side.layer, 1 / keep - 1
    _guard(side, v, max_bytes)
    variance, mean = 0.0, {}
    incoming = _losses(side)
    for l in reversed(range(layer.num_layers)):
        row = _one_layer(side, l, incoming, v)
        for d, adjoints in enumerate(row):
            w = layer.weights(l, d)
            for name, f in strand_factors(layer.cell, w, side.tape.strands[l][d], adjoints).items():
                full = side.name(name, l, d)
                if names is None or full in names:
                    mean[full], squares = _gradients(f)
                    variance += squares
        incoming = layer.input_adjoints(l, row, side.tape) if l else None
    return Noisy(variance, mean)


def _losses(side: Side) -> list[Array] | None:
    """dy (T, P, 1, B) a direction: the one column without noise."""
    if side.dy is None:
        return None
    P, mask = side.layer.state_size, side.tape.strands[-1][0].mask
    dy = side.dy.swapaxes(1, 2)
    dy = dy if mask is None else np.where(mask, dy, 0)
    return [dy[:, d * P : (d + 1) * P, None] for d in range(side.layer.directions)]


def _one_layer(side: Side, l: int, incoming: list[Array] | None, v: np.ndarray) -> tuple[Adjoints, ...]:
    """Adjoints of a layer's strands: columns that came from above first, then each strand's own noise."""
    layer = side.layer
    before = 1 if incoming is None else incoming[0].shape[2]
    own = _columns(before, v, _carried(side))
    width = before + layer.directions * own
    return row_adjoints(
        layer,
        l,
        side.tape,
        None if incoming is None else [_widened(part, width) for part in incoming],
        [_widened(part.T[:, None], width) for part in side.dh],
        [None] * len(side.dh) if side.dc is None else [_widened(part.T[:, None], width) for part in side.dc],
        lambda k: _noisy_edge(v, before, before + (k % layer.directions) * own),
    )


def _noisy_edge(v: np.ndarray, before: int, start: int) -> Edge:
    """Puts into the columns from `start` on what each carry's noise leaves, as the pass meets the carries."""
    used = start

    def edge(dh: Array, dc: Any, t: int) -> tuple[Array, Any]:
        nonlocal used
        if t == 0 or not v[t]:  # the first carry leads to the given state and to no parameter
            return dh, dc
        xp = array_module(dh)
        adjoint = dh.copy() if dc is None else xp.concatenate([dh, dc])
        rows, _, batch = adjoint.shape
        met = xp.concatenate([adjoint[:, :before], adjoint[:, start:used]], axis=1).swapaxes(0, 1)
        root = xp.linalg.qr(met.reshape(len(met), rows * batch), mode="r")
        adjoint[:, used : used + len(root)] = float(v[t]) ** 0.5 * root.reshape(len(root), rows, batch).swapaxes(0, 1)
        used += len(root)
        return adjoint[: len(dh)], None if dc is None else adjoint[len(dh) :]

    return edge


def _columns(before: int, v: np.ndarray, numbers: int) -> int:
    """How many columns a strand's noise takes: at each carry as many as there are, at most the adjoint's numbers."""
    total = 0
    for t in range(len(v) - 1, 0, -1):
        total += min(before + total, numbers) if v[t] else 0
    return total


def _carried(side: Side) -> int:
    """The numbers of an adjoint that a carry takes, of all sequences: one mask is shared by the batch."""
    layer = side.layer
    return side.batch * (layer.state_size + ("c" in layer.cell.state) * layer.hidden_size)


def _widened(array: Array, width: int) -> Array:
    """(..., K, B) with zero columns put on."""
    out = np.zeros_like(array, shape=(*array.shape[:-2], width, array.shape[-1]))
    out[..., : array.shape[-2], :] = array
    return out


def _gradients(f: Factors) -> tuple[Array, float]:
    """The gradient of the first column, and the squares of those of all others, added up."""
    first = contract(f._replace(adjoint=f.adjoint[:, :, :1]), "k")[0]
    total = 0.0
    for k in range(1, f.adjoint.shape[2], BLOCK):
        total += float((contract(f._replace(adjoint=f.adjoint[:, :, k : k + BLOCK]), "k") ** 2).sum())
    return first, total


def _guard(side: Side, v: np.ndarray, max_bytes: int | None) -> None:
    layer, before, most = side.layer, 1, 0
    for _ in range(layer.num_layers):
        before += layer.directions * _columns(before, v, _carried(side))
        rows = (len(layer.cell.gates) + 1) * layer.hidden_size + 2 * layer.output_size
        most = max(most, layer.directions * rows * side.steps * before * side.batch)
    require(
        f"this variance, with {before:,} columns of noise,",
        most * layer.dtype.itemsize,
        max_bytes,
        "give fewer sequences, fewer steps or fewer units",
    )
