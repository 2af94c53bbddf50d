"""A cell for the loop over time whose pointwise part is one kernel, or two around its second product.

The mathematics is the cell's own: its lines are traced once for each dtype. Complex numbers take those lines as they
are.
"""

from collections.abc import Hashable
from functools import cache, partial
from typing import Any

import numpy as np

from npseq.backend import Array, MaybeArray
from npseq.cell import Cell, State
from npseq.gpu.kernels import Runner
from npseq.gpu.program import Program
from npseq.gpu.source import TYPES
from npseq.gpu.tracing import CellTrace, Symbol

Inputs = tuple[tuple[str, int | None], ...]  # (name, blocks or None) of each array that is given


class FusedCell:
    """A cell's three methods as kernels; everything else is the cell's own."""

    def __init__(self, cell: Cell):
        self._cell = cell

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cell, name)

    def forward(self, a: Array, old: State, new: State, p: MaybeArray, project: Any) -> None:
        """Does what Cell.forward does."""
        if a.dtype.name not in TYPES:
            return self._cell.forward(a, old, new, p, project)
        arrays = self._given(a=a, p=p, old=old, new=new)
        self._runner("forward", a, _inputs(arrays))(arrays, project)

    def local_derivatives(self, a: Array, old: State, new: State, s: Array) -> None:
        """Does what Cell.local_derivatives does."""
        if s.dtype.name not in TYPES:
            return self._cell.local_derivatives(a, old, new, s)
        arrays = self._given(a=a if self._cell.reads_gates else None, s=s, old=old, new=new)
        self._runner("local_derivatives", s, _inputs(arrays))(arrays)

    def backward(self, dnew: State, a: MaybeArray, s: Any, da: Array, p: MaybeArray, project: Any) -> Any:
        """Does what Cell.backward does."""
        if da.dtype.name not in TYPES:
            return self._cell.backward(dnew, a, s, da, p, project)
        arrays = self._given(a=a, s=s, da=da, p=p, dnew=dnew)
        return self._runner("backward", da, _inputs(arrays))(arrays, project)

    def _given(self, **arrays: Any) -> dict[str, Array]:
        """{name: array} of what there is; a state's parts are named old_h, old_c, ..."""
        found = {}
        if isinstance(arrays.get("s"), tuple):  # the states of a cell without local derivatives
            arrays["old"], arrays["new"] = arrays.pop("s")
        for name, value in arrays.items():
            if isinstance(value, tuple):
                found.update({f"{name}_{part}": array for part, array in zip(self._cell.state, value, strict=True)})
            elif value is not None:
                found[name] = value
        return found

    def _runner(self, method: str, like: Any, inputs: Inputs) -> Runner:
        return _runner(self._cell, method, like.__class__, like.dtype, inputs)


def _inputs(arrays: dict[str, Array]) -> Inputs:
    return tuple((name, None if "_" in name else array.shape[0]) for name, array in arrays.items())


@cache
def _runner(cell: Cell, method: str, kind: Hashable, dtype: np.dtype, inputs: Inputs) -> Runner:
    """kind: the arrays' type; what one module's compiler has compiled is not for another's arrays."""
    label = f"{type(cell).__name__.lower().removesuffix('cell')}_{method}"
    return Runner(traced(cell, method, dtype, inputs), dtype, label)


def traced(cell: Cell, method: str, dtype: np.dtype, inputs: Inputs) -> Program:
    """The program of a cell's "forward", "local_derivatives" or "backward" for arrays of these names."""
    trace = CellTrace(dtype)
    x: dict[str, Symbol] = {name: trace.array(name, blocks) for name, blocks in inputs}
    a, s, p = x.get("a"), x.get("s"), x.get("p")
    old, new, dnew = (tuple(x.get(f"{name}_{part}") for part in cell.state) for name in ("old", "new", "dnew"))
    step: Any = cell  # it gets symbols here where its types say arrays
    results = None
    if method == "forward":
        step.forward(a, old, new, p, trace.product)
    elif method == "local_derivatives":
        step.local_derivatives(a, old, new, s)
    else:
        product = partial(trace.product, blocks=cell.operands if cell.operands > 1 else None)
        results = step.backward(dnew, a, s if s is not None else (old, new), x["da"], p, product)
    return trace.finish(results or ())


@cache
def fused(cell: Cell) -> FusedCell:
    return FusedCell(cell)
