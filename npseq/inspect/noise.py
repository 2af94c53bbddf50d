"""The variance that random recurrent edges add to a gradient, through any stack, by noise columns.

Backward draws one factor xi_u = 1 + eta_u a strand and step, with mean 1 and E eta_u^2 = v_u = 1 / keep_u - 1. Taken in
the order in which backward meets them, layer by layer from the top and step by step from the end, each adds

    eta_u g_u,   g_u = the whole gradient of what crosses edge u, an adjoint that later edges have made random

and these are uncorrelated, so that the variance is sum_u v_u E |g_u|^2. E of a product of two adjoints is a sum of
products of columns: those that reach the edge without noise, and those that earlier noise has left. By a QR
decomposition no more columns are needed than the adjoint has numbers, and backward carries them on as it does losses.
"""

from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, array_module
from npseq.bptt.factors import Factors, contract, strand_factors
from npseq.bptt.loop import Adjoints, Edge
from npseq.bptt.workspace import require
from npseq.inspect.passes import View, masked_dy
from npseq.layers.adjoints import row_adjoints
from npseq.magnitude import norm

BLOCK = 64  # columns whose gradients are written out at a time


class Noisy(NamedTuple):
    """The effect of random edges on the gradient of a view."""

    variance: float
    mean: dict[str, Array]  # the gradient without noise, by full name


def through_edges(view: View, keep: np.ndarray, names: tuple[str, ...] | None, max_bytes: int | None) -> Noisy:
    """The effect of RandomTruncation(keep), keep (T,) in every strand's own order of time."""
    layer, v = view.layer, 1 / keep - 1
    _guard(view, v, max_bytes)
    variance, mean = 0.0, {}
    incoming = _losses(view)
    for l in reversed(range(layer.num_layers)):
        row = _one_layer(view, l, incoming, v)
        for d, adjoints in enumerate(row):
            w = layer.weights(l, d)
            for name, f in strand_factors(layer.cell, w, view.tape.strands[l][d], adjoints).items():
                full = view.name(name, l, d)
                if names is None or full in names:
                    mean[full], squares = _gradients(f)
                    variance += squares
        incoming = layer.input_adjoints(l, row, view.tape) if l else None
    return Noisy(variance, mean)


def _losses(view: View) -> list[Array] | None:
    """dy (T, P, 1, B) a direction: the one column without noise."""
    dy, P = masked_dy(view), view.layer.state_size
    return None if dy is None else [dy[:, d * P : (d + 1) * P, None] for d in range(view.layer.directions)]


def _one_layer(view: View, l: int, incoming: list[Array] | None, v: np.ndarray) -> tuple[Adjoints, ...]:
    """Adjoints of a layer's strands: columns that came from above first, then each strand's own noise."""
    layer = view.layer
    before = 1 if incoming is None else incoming[0].shape[2]
    added = _columns(before, v, _crossing(view))
    width = before + layer.directions * added
    return row_adjoints(
        layer,
        l,
        view.tape,
        None if incoming is None else [_widened(part, width) for part in incoming],
        [_widened(part.T[:, None], width) for part in view.dh],
        [None] * len(view.dh) if view.dc is None else [_widened(part.T[:, None], width) for part in view.dc],
        lambda k: _noisy_edge(v, before, before + (k % layer.directions) * added),
    )


def _noisy_edge(v: np.ndarray, before: int, start: int) -> Edge:
    """Writes into the columns from `start` on what the noise of each edge leaves, in the order of backward."""
    used = start

    def edge(dh: Array, dc: Any, t: int) -> tuple[Array, Any]:
        nonlocal used
        if t == 0 or not v[t]:  # the first edge leads to the given state and to no parameter
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
    """How many columns a strand's noise takes: at each edge as many as there are, at most the adjoint's numbers."""
    total = 0
    for t in range(len(v) - 1, 0, -1):
        total += min(before + total, numbers) if v[t] else 0
    return total


def _crossing(view: View) -> int:
    """How many numbers of an adjoint cross an edge, of all sequences: one mask is shared by the batch."""
    layer = view.layer
    return view.batch * (layer.state_size + layer.c_size)


def _widened(array: Array, width: int) -> Array:
    """(..., K, B) with zero columns appended."""
    out = np.zeros_like(array, shape=(*array.shape[:-2], width, array.shape[-1]))
    out[..., : array.shape[-2], :] = array
    return out


def _gradients(f: Factors) -> tuple[Array, float]:
    """The gradient of the first column, and the sum of the squares of all others."""
    first = contract(f._replace(adjoint=f.adjoint[:, :, :1]), "k")[0]
    total = 0.0
    for k in range(1, f.adjoint.shape[2], BLOCK):
        total += float(norm(contract(f._replace(adjoint=f.adjoint[:, :, k : k + BLOCK]), "k"))) ** 2
    return first, total


def _guard(view: View, v: np.ndarray, max_bytes: int | None) -> None:
    layer, before, most = view.layer, 1, 0
    for _ in range(layer.num_layers):
        before += layer.directions * _columns(before, v, _crossing(view))
        rows = (len(layer.cell.gates) + 1) * layer.hidden_size + 2 * layer.output_size
        most = max(most, layer.directions * rows * view.steps * before * view.batch)
    require(
        f"this variance, with {before:,} columns of noise,",
        most * layer.dtype.itemsize,
        max_bytes,
        "give fewer sequences, fewer steps or fewer units",
    )
