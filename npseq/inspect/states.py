"""What a tape holds and what backward finds at every step, by name and in natural time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from npseq.activations import dtanh, tanh
from npseq.backend import Array
from npseq.bptt import loop
from npseq.bptt.blocks import blocks_of
from npseq.bptt.tape import Strand
from npseq.inspect.passes import Side, in_natural_time, plain, strands
from npseq.layers.adjoints import Rows


def states(side: Side) -> dict[str, Array]:
    """The state after every step: h (T, B, P), c (T, B, H), with a strand's ending. Past a length it stands still."""
    found = {}
    for l, d, strand in strands(side):
        found[side.name("h", l, d)] = _natural(side, d, strand.s[1:, : side.layer.state_size])
        if strand.c is not None:
            found[side.name("c", l, d)] = _natural(side, d, strand.c[1:])
    return found


def gates(side: Side) -> dict[str, Array]:
    """Every gate at every step, (T, B, H), with a strand's ending; a plain RNN has none."""
    cell = side.layer.cell
    if not cell.reads_gates:
        return {}
    return {
        side.name(gate, l, d): _natural(side, d, strand.a[:, blocks_of(cell).names.index(gate)])
        for l, d, strand in strands(side)
        for gate in cell.gates
    }


def adjoints(side: Side) -> tuple[Rows, dict[str, Array]]:
    """The adjoints of all products, and dL/dh_t (T, B, P) and dL/dc_t (T, B, H), zero past each length."""
    seen: dict[int, list[Any]] = {}

    def record(k: int) -> Callable:
        steps = seen.setdefault(k, [])
        return lambda t, dh, dc: steps.insert(0, (dh, dc))

    rows = plain(side, record)
    found = {}
    for k, (l, d, strand) in enumerate(strands(side)):
        dh = _stacked([step[0] for step in seen[k]], strand, side.layer.state_size)
        found[side.name("h", l, d)] = _natural(side, d, dh)
        if strand.c is not None:
            dc = _stacked([step[1] for step in seen[k]], strand, side.layer.hidden_size)
            found[side.name("c", l, d)] = _natural(side, d, through_output(side, l, d, rows[l][d], dh, dc))
    return rows, found


def through_output(side: Side, l: int, d: int, found: loop.Adjoints, dh: Array, dc: Array) -> Array:
    """dL/dc_t by every path: the cell state also shows in its own step's h (L6) and, by a peephole, in o (L5).

    dh (T, P, [K,] B), dc (T, H, [K,] B): what reaches h_t and c_t from outside the step.
    """
    cell, strand = side.layer.cell, side.tape.strands[l][d]
    w = side.layer.weights(l, d)
    slope = strand.a[:, blocks_of(cell).names.index("o")] * dtanh(tanh(strand.c[1:]))  # type: ignore[index]  # (L6)
    dm = dh if w.U is None else np.moveaxis(np.tensordot(w.U, dh, axes=(1, 1)), 0, 1)
    do = np.moveaxis(found.da[blocks_of(cell).names.index("o")], 0, 1)
    extra = 0 if w.vectors is None else do * w.vectors[0].reshape(-1, *[1] * (do.ndim - 2))  # (L5)
    return dc + dm * (slope if dm.ndim == 3 else slope[:, :, None]) + extra


def _stacked(steps: list[Array], strand: Strand, size: int) -> Array:
    return np.stack(steps) if steps else np.empty_like(strand.s, shape=(0, size, strand.s.shape[2]))


def _natural(side: Side, d: int, array: Array) -> Array:
    return in_natural_time(side, d, array, axis=0).swapaxes(1, 2)
