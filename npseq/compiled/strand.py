"""Runs a strand in a cell's compiled loops."""

from functools import cache
from types import ModuleType
from typing import NamedTuple

import numpy as np

from npseq.bptt.columns import contiguous
from npseq.bptt.tape import Strand, Weights
from npseq.cell import Cell
from npseq.compiled.compiling import functions_of
from npseq.compiled.sharing import Work, shared
from npseq.compiled.tiles import rows_of


class Loops(NamedTuple):
    """What npseq.bptt.loop does, by compiled functions."""

    functions: ModuleType

    def forward(self, w: Weights, strand: Strand) -> None:
        """The loop forward, behind x's part of the pre-activations where x is multiplied first."""
        _, _, units, B = strand.a.shape
        rows = w.state if strand.x_first else strand.s.shape[1]
        given = *_read(w, strand), _flat(strand.m, w), _over(strand), units * B, w.state * B, rows * B, strand.x_first
        shared(self.functions.forward, given, _work(w, strand))

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
        _, _, units, B = strand.a.shape
        arrays = (None if dy is None else contiguous(dy), da, dv)
        dh, dc = dh.copy(), None if dc is None else dc.copy()
        given = *_read(w, strand), _over(strand), *(_flat(x, w) for x in arrays), dh.ravel(), _flat(dc, w).ravel()
        shared(self.functions.backward, (*given, units * B, w.state * B), _work(w, strand))
        return dh, dc


@cache
def loops_of(cell: Cell, dtype: np.dtype) -> Loops | None:
    """The loops of a cell, None where it cannot be compiled."""
    functions = functions_of(cell, dtype)
    return None if functions is None else Loops(functions)


def _work(w: Weights, strand: Strand) -> Work:
    """Of one sequence the products are not cut: they are one part."""
    sequences, weights = strand.s.shape[2], w.W.size + (0 if w.U is None else w.U.size)
    panels = 1 if sequences == 1 else -(-strand.a.shape[2] // rows_of(w.W.dtype))
    return Work(sequences, strand.steps, 2 * sequences * weights, panels)


def _read(w: Weights, strand: Strand) -> tuple[np.ndarray, ...]:
    """(W, U, p, s, c, a), flat within a step; p stands beside itself for every sequence."""
    U = None if w.U is None else np.ascontiguousarray(w.U)
    p = None if w.vectors is None else w.vectors.repeat(strand.s.shape[2], axis=2)
    return w.W, _flat(U, w), *(_flat(x, w) for x in (p, strand.s, strand.c, strand.a))


def _over(strand: Strand) -> np.ndarray:
    """Which sequences are over at each step, (T, B); without rows where none is."""
    return np.empty((0, 0), bool) if strand.mask is None else ~strand.mask[:, 0]


def _flat(x: np.ndarray | None, w: Weights) -> np.ndarray:
    """(len(x), the rest); in the place of an array that there is not, one without entries."""
    return np.empty((0, 0), w.W.dtype) if x is None else x.reshape(len(x), x.size // max(len(x), 1))
