"""Time: the one loop forward and the one loop backward, for every cell.

    forward     a_t = W' [h_{t-1}; 1; x_t],  (h_t, c_t) = cell(a_t, h_{t-1}, c_{t-1})
    backward    dh_t = dy_t + (what step t + 1 passed back),  dh_{t-1} = W_h da_t + (what the cell passes by itself)

Past a sequence's length its state stands still, so its adjoint passes through unchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from npseq.backend import Array
from npseq.bptt.tape import Strand, Weights
from npseq.cells import Cell

Carry = Callable[[Array, int], Array]  # (adjoint of the state before step t, t) -> what of it goes on


class Adjoints(NamedTuple):
    """What backward finds at every step. With truncation by lag there is an axis of lags: (T, lags, ...)."""

    da: Array  # (T, [lags,] G, H, B): of the first product's results
    dv: Array | None  # (T, [lags,] ., B): of the second product's results
    dh: Array  # ([lags,] P, B): of the initial h
    dc: Array | None  # ([lags,] H, B): of the initial c


def forward(cell: Cell, w: Weights, strand: Strand) -> None:
    """Runs a strand whose x (or ids), first state and mask are set; writes h, c, gates and the second product."""
    s, c, gates, mask = strand.s, strand.c, strand.gates, strand.mask
    P, steps, one_gate_room = w.state, strand.steps, len(strand.gates) < strand.steps
    n, batch = cell.direct * gates.shape[2], s.shape[2]
    looked_up = strand.ids is not None
    W = w.W[: s.shape[1], :n].T
    scratch = np.empty_like(s, shape=(n, batch)) if looked_up else None
    _preload(cell, w, strand)

    def second(m: Array) -> Array:
        if strand.m is not None:
            strand.m[t] = m
        return np.matmul(w.U.T, m, out=strand.v[t])

    for t in range(steps):
        a = gates[0 if one_gate_room else t]
        direct = a[: cell.direct].reshape(n, batch)
        if looked_up:
            direct += np.matmul(W, s[t], out=scratch)
        else:
            np.matmul(W, s[t], out=direct)
        h_before, c_before = s[t, :P], None if c is None else c[t]
        h, c_after = cell.forward(a, h_before, c_before, w.own, second)
        if strand.ragged[t]:
            h = np.where(mask[t], h, h_before)
            c_after = None if c is None else np.where(mask[t], c_after, c_before)
        s[t + 1, :P] = h
        if c is not None:
            c[t + 1] = c_after


def _preload(cell: Cell, w: Weights, strand: Strand) -> None:
    """Puts into the gates, for all steps at once, the part of the pre-activations that needs no state."""
    gates, steps = strand.gates, strand.steps
    _, G, units, batch = gates.shape
    if strand.ids is not None:
        looked_up = np.moveaxis(w.x[strand.ids], 1, 2)
        bias = w.W[w.state, :, None] if w.bias else 0
        gates[...] = (looked_up + bias).reshape(gates.shape)
    elif cell.direct < G:
        columns = w.inputs[:, cell.direct * units :]
        gates[:, cell.direct :] = np.matmul(columns.T, strand.s[:steps, w.state :]).reshape(steps, -1, units, batch)


def backward(
    cell: Cell,
    w: Weights,
    strand: Strand,
    dy: Array | None,
    dh: Array,
    dc: Array | None,
    carry: Carry | None,
    room: Adjoints | None = None,
) -> Adjoints:
    """Adjoints of every step. dy (T, [lags,] P, B) zero past each length, or None; dh, dc of the last state."""
    s, c, gates, mask = strand.s, strand.c, strand.gates, strand.mask
    P, steps, direct = w.state, strand.steps, cell.direct
    _, G, units, batch = gates.shape
    lags = dh.shape[:-2]
    if room is None:
        da = np.empty_like(s, shape=(steps, *lags, G, units, batch))
        dv = None if w.U is None else np.empty_like(s, shape=(steps, *lags, w.U.shape[1], batch))
    else:
        da, dv = room.da, room.dv
    W = w.W[:P, : direct * units]

    def second(adjoint: Array) -> Array:
        dv[t] = adjoint
        return np.matmul(w.U, adjoint)

    for t in reversed(range(steps)):
        if dy is not None:
            dh = dh + dy[t]
        dh_live, dc_live = dh, dc
        if strand.ragged[t]:
            dh_live = np.where(mask[t], dh, 0)
            dc_live = None if dc is None else np.where(mask[t], dc, 0)
        before = (s[t, :P], None if c is None else c[t])
        after = (s[t + 1, :P], None if c is None else c[t + 1])
        gate = gates[t] if cell.keeps_gates else gates[0]
        v = None if strand.v is None else strand.v[t]
        da_t = da[t]
        passed_h, passed_c = cell.backward(
            dh_live, dc_live, gate, v, before, after, w.own, second, np.moveaxis(da_t, -3, 0) if lags else da_t
        )
        through = np.matmul(W, da_t[..., :direct, :, :].reshape(*lags, direct * units, batch))
        dh_before = through if passed_h is None else through + passed_h
        if carry is not None:
            dh_before = carry(dh_before, t)
            passed_c = None if passed_c is None else carry(passed_c, t)
        if strand.ragged[t]:
            dh_before = np.where(mask[t], dh_before, dh)
            passed_c = None if passed_c is None else np.where(mask[t], passed_c, dc)
        dh, dc = dh_before, passed_c
    return Adjoints(da, dv, dh, dc)
