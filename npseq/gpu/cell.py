"""A cell for the loop over time whose pointwise part is one kernel, or two around its second product.

The mathematics is that of npseq.cells: its lines are traced once for each dtype. Complex numbers take those lines as
they stand.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from npseq.backend import Array
from npseq.cells.cell import Cell
from npseq.gpu.kernels import Runner
from npseq.gpu.program import Program
from npseq.gpu.source import TYPES
from npseq.gpu.tracing import Symbol, Trace

Inputs = tuple[tuple[str, int | None], ...]  # (name, gates or None) of each array that is given


class FusedCell:
    """Stands in for a Cell on a device: forward, slopes and backward as kernels, everything else the cell's own."""

    block = 1 << 24  # numbers: local derivatives of a whole strand at once, where that is not more than this

    def __init__(self, cell: Cell):
        self._cell = cell

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cell, name)

    def forward(self, a: Array, before: Any, own: Array | None, second: Any, after: Any) -> None:
        """As Cell.forward."""
        if a.dtype.name not in TYPES:
            return self._cell.forward(a, before, own, second, after)
        arrays = _given(a=a, h=before[0], c=before[1], own=own, h_next=after[0], c_next=after[1])
        _runner(self._cell, "forward", a.__class__, a.dtype, _inputs(arrays, "a", "own"))(arrays, second)

    def slopes(self, a: Array, before: Any, after: Any, out: Array) -> Array | None:
        """As Cell.slopes."""
        if out.dtype.name not in TYPES:
            return self._cell.slopes(a, before, after, out)
        kept = a if self._cell.keeps_gates else None
        arrays = _given(a=kept, h=before[0], c=before[1], h_next=after[0], c_next=after[1], out=out)
        return _runner(self._cell, "slopes", out.__class__, out.dtype, _inputs(arrays, "a", "out"))(arrays)[0]

    def backward(
        self,
        dh: Array,
        dc: Array | None,
        a: Array | None,
        slopes: Array,
        more: Array | None,
        own: Array | None,
        second: Any,
        da: Array,
    ) -> tuple[Array | None, Array | None]:
        """As Cell.backward."""
        if da.dtype.name not in TYPES:
            return self._cell.backward(dh, dc, a, slopes, more, own, second, da)
        arrays = _given(dh=dh, dc=dc, a=a, slopes=slopes, more=more, own=own, da=da)
        run = _runner(self._cell, "backward", da.__class__, da.dtype, _inputs(arrays, "a", "slopes", "own", "da"))
        dh_passed, dc_before = run(arrays, second)
        return dh_passed, dc_before


def _given(**arrays: Array | None) -> dict[str, Array]:
    return {name: array for name, array in arrays.items() if array is not None}


def _inputs(arrays: dict[str, Array], *by_gate: str) -> Inputs:
    return tuple((name, array.shape[0] if name in by_gate else None) for name, array in arrays.items())


@cache
def _runner(cell: Cell, method: str, kind: type, dtype: np.dtype, inputs: Inputs) -> Runner:
    """kind: the arrays' type; what was compiled by one module's compiler is not for another's arrays."""
    label = f"{type(cell).__name__.lower()}_{method}"
    return Runner(traced(cell, method, dtype, inputs), dtype, label)


def traced(cell: Cell, method: str, dtype: np.dtype, inputs: Inputs) -> Program:
    """The program of a cell's "forward", "slopes" or "backward" for arrays of these names."""
    trace = Trace(dtype)
    x: dict[str, Symbol] = {name: trace.array(name, gates) for name, gates in inputs}
    before, after = (x.get("h"), x.get("c")), (x.get("h_next"), x.get("c_next"))
    results: Any
    if method == "forward":
        cell.forward(x["a"], before, x.get("own"), trace.product, after)
        results = ()
    elif method == "slopes":
        results = (cell.slopes(x.get("a"), before, after, x["out"]),)
    else:
        results = cell.backward(
            x["dh"],
            x.get("dc"),
            x.get("a"),
            x["slopes"],
            x.get("more"),
            x.get("own"),
            trace.product,
            x["da"],
        )
    return trace.finish(results)


@cache
def fused(cell: Cell) -> FusedCell:
    """The one stand-in for a cell."""
    return FusedCell(cell)
