"""States, gates and adjoints of every step, by name and in natural time."""

from collections.abc import Callable
from typing import Any

import numpy as np

from npseq.backend import Array
from npseq.bptt.blocks import blocks_of
from npseq.bptt.tape import Strand
from npseq.cell import parts_of
from npseq.inspect.passes import View, adjoints, in_natural_time, strands
from npseq.layers.adjoints import Rows
from npseq.layers.features import by_direction, in_order
from npseq.layers.lstm import LSTMCell


def states(view: View) -> dict[str, Array]:
    """{"h", "c", "h_l1", ...}: copies of the state after every step, h (T, B, P) and c (T, B, H)."""
    named = {}
    for l, d, strand in strands(view):
        named[view.name("h", l, d)] = _natural(view, d, strand.s[1:, : view.layer.state_size]).copy()
        for name, part in zip(
            view.layer.cell.state[1:], parts_of(strand.c, len(view.layer.cell.state) - 1, 1), strict=True
        ):
            named[view.name(name, l, d)] = _natural(view, d, part[1:]).copy()
    return named


def gates(view: View) -> dict[str, Array]:
    """{"i", "f", "i_l1", ...}: copies of every gate at every step, (T, B, H); a plain RNN has none."""
    cell = view.layer.cell
    if not cell.reads_gates:
        return {}
    return {
        view.name(gate, l, d): _natural(view, d, strand.a[:, blocks_of(cell).names.index(gate)]).copy()
        for l, d, strand in strands(view)
        for gate in cell.gates
        if gate != "h"  # a plain RNN's only one is its state
    }


def state_adjoints(view: View) -> tuple[Rows, dict[str, Array]]:
    """The adjoints of all products, and dL/dh_t (T, B, P) and dL/dc_t (T, B, H) by name, zero past each length.

    Of cells other than an LSTM, dL/dc_t is what comes from later steps, without the path over h_t of its own step.
    """
    seen: dict[int, list[Any]] = {}

    def record(k: int) -> Callable[..., Any]:
        steps = seen.setdefault(k, [])
        return lambda t, dh, dc: steps.insert(0, (dh, dc))

    rows = adjoints(view, record)
    named = {}
    for k, (l, d, strand) in enumerate(strands(view)):
        dh = _stacked([step[0] for step in seen[k]], strand, view.layer.state_size)
        named[view.name("h", l, d)] = _natural(view, d, dh)
        if strand.c is not None:
            dc = _stacked([step[1] for step in seen[k]], strand, view.layer.c_size) + _received(view, l, d)
            if type(view.layer.cell) is LSTMCell:
                dc = through_output(view, l, d, dh, dc)
            for name, part in zip(
                view.layer.cell.state[1:], parts_of(dc, len(view.layer.cell.state) - 1, 1), strict=True
            ):
                named[view.name(name, l, d)] = _natural(view, d, part)
    return rows, named


def _received(view: View, l: int, d: int) -> Any:
    """The loss's own derivative by c_t (T, C, B), in the strand's order of time."""
    dc = None if view.dcs is None else view.dcs[l]
    if dc is None:
        return 0
    parts = by_direction(dc, view.tape, view.layer.directions, None, None)
    return in_order(parts[d], d)


def through_output(view: View, l: int, d: int, dh: Array, dc: Array) -> Array:
    """dL/dc_t by every path: the cell state also acts on its own step's h (L6) and, by a peephole, on o (L5).

    dh (T, P, [K,] B), dc (T, H, [K,] B): what reaches h_t and c_t from outside the step.
    """
    cell: Any = view.layer.cell
    strand = view.tape.strands[l][d]
    w = view.layer.weights(l, d)
    c_new, o = strand.c[1:], strand.a[:, blocks_of(cell).names.index("o")]
    (dsigma, _, dpsi), psi_c = cell.derivatives, cell.functions[2](c_new)
    slope = o * dpsi(c_new if cell.keeps else psi_c, out=np.empty_like(c_new))  # (L6)
    dm = dh if w.U is None else np.moveaxis(np.tensordot(w.U, dh, axes=(1, 1)), 0, 1)
    if w.vectors is not None:
        of_o = strand.a[:, len(cell.gates)] if cell.keeps else o
        slope = slope + dsigma(of_o, out=np.empty_like(c_new)) * psi_c * w.vectors[0]  # (L6) (L5)
    dc_all: Array = dc + dm * (slope if dm.ndim == 3 else slope[:, :, None])
    return dc_all


def _stacked(steps: list[Array], strand: Strand, size: int) -> Array:
    return np.stack(steps) if steps else np.empty_like(strand.s, shape=(0, size, strand.s.shape[2]))


def _natural(view: View, d: int, array: Array) -> Array:
    return in_natural_time(view, d, array, axis=0).swapaxes(1, 2)
