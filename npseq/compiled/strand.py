"""Runs a strand of one sequence in a cell's compiled loops."""

from functools import cache
from types import ModuleType
from typing import NamedTuple

import numpy as np

from npseq.bptt.tape import Strand, Weights
from npseq.cell import Cell
from npseq.compiled.compiling import functions_of


class Loops(NamedTuple):
    """What npseq.bptt.loop does, by compiled functions."""

    functions: ModuleType

    def forward(self, w: Weights, strand: Strand) -> None:
        """The loop forward, behind x's part of the pre-activations."""
        self.functions.forward(*_read(w, strand), _flat(strand.m, w), strand.a.shape[2], w.state)

    def backward(
        self,
        w: Weights,
        strand: Strand,
        dy: np.ndarray | None,
        da: np.ndarray,
        dv: np.ndarray | None,
        dh: np.ndarray,
        dc: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """The loop backward: writes da and dv, returns the adjoints (dh, dc) of the first state."""
        arrays = (None if dy is None else np.ascontiguousarray(dy), da, dv)
        dh, dc = dh.copy(), None if dc is None else dc.copy()
        last = dh.ravel(), _flat(dc, w).ravel()
        self.functions.backward(
            *_read(w, strand), *(_flat(x, w) for x in arrays), *last, strand.a.shape[2], w.state
        )  # fmt: skip
        return dh, dc


@cache
def loops_of(cell: Cell, dtype: np.dtype) -> Loops | None:
    """The loops of a cell, None where it cannot be compiled."""
    functions = functions_of(cell, dtype)
    return None if functions is None else Loops(functions)


def _read(w: Weights, strand: Strand) -> tuple[np.ndarray, ...]:
    """(W, U, p, s, c, a), flat within a step."""
    U = None if w.U is None else np.ascontiguousarray(w.U)
    return w.W, *(_flat(x, w) for x in (U, w.vectors, strand.s, strand.c, strand.a))


def _flat(x: np.ndarray | None, w: Weights) -> np.ndarray:
    """(len(x), the rest); in the place of an array that there is not, one without entries."""
    return np.empty((0, 0), w.W.dtype) if x is None else x.reshape(len(x), x.size // max(len(x), 1))
