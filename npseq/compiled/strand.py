"""Runs a strand in a cell's compiled loops."""

from functools import cache
from types import ModuleType
from typing import NamedTuple

import numpy as np

from npseq.bptt.tape import Strand, Weights
from npseq.cell import Cell
from npseq.compiled.compiling import functions_of
from npseq.compiled.sharing import shared


class Loops(NamedTuple):
    """What npseq.bptt.loop does, by compiled functions."""

    functions: ModuleType

    def forward(self, w: Weights, strand: Strand) -> None:
        """The loop forward, behind x's part of the pre-activations where x is multiplied first."""
        rows = w.state if strand.x_first else strand.s.shape[1]
        given = *self._matrices(w, strand, rows, True), *_read(w, strand), _flat(strand.m, w), *_sizes(w, strand, 1)
        B = strand.s.shape[2]
        shared(self.functions.forward, (*given, rows * B, strand.x_first), B, _operations(w, strand))

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
        given = *self._matrices(w, strand, w.state, False), *_read(w, strand), *(_flat(x, w) for x in arrays)
        last = dh.ravel(), _flat(dc, w).ravel()
        sizes = _sizes(w, strand, 0)
        shared(self.functions.backward, (*given, *last, *sizes), strand.s.shape[2], _operations(w, strand))
        return dh, dc

    def _matrices(self, w: Weights, strand: Strand, rows: int, transposed: bool) -> list[np.ndarray]:
        """So many rows of W, and U; for several sequences their panels, forward those of the transposed matrices."""
        U = _flat(None, w) if w.U is None else np.ascontiguousarray(w.U)
        if strand.s.shape[2] == 1:
            return [w.W, U]
        W = w.W[:rows, : w.blocks.with_h * strand.a.shape[2]]
        shapes = (part.shape[::-1] if transposed else part.shape for part in (W, U))
        return [self.functions.pack(part, *shape, transposed) for part, shape in zip((w.W, U), shapes, strict=True)]


@cache
def loops_of(cell: Cell, dtype: np.dtype) -> Loops | None:
    """The loops of a cell, None where it cannot be compiled."""
    functions = functions_of(cell, dtype)
    return None if functions is None else Loops(functions)


def _sizes(w: Weights, strand: Strand, axis: int) -> tuple[int, int, int]:
    """The numbers in a block of units, of h, and of what the second product makes: the columns of U, or its rows."""
    _, _, units, B = strand.a.shape
    return units * B, w.state * B, 0 if w.U is None else w.U.shape[axis] * B


def _operations(w: Weights, strand: Strand) -> int:
    """Of the products of all steps."""
    weights = w.W.size + (0 if w.U is None else w.U.size)
    found: int = 2 * strand.steps * strand.s.shape[2] * weights
    return found


def _read(w: Weights, strand: Strand) -> tuple[np.ndarray, ...]:
    """(p, s, c, a), flat within a step; p stands beside itself for every sequence."""
    p = None if w.vectors is None else w.vectors.repeat(strand.s.shape[2], axis=2)
    return tuple(_flat(x, w) for x in (p, strand.s, strand.c, strand.a))


def _flat(x: np.ndarray | None, w: Weights) -> np.ndarray:
    """(len(x), the rest); in the place of an array that there is not, one without entries."""
    return np.empty((0, 0), w.W.dtype) if x is None else x.reshape(len(x), x.size // max(len(x), 1))
