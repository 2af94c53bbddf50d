"""A cell's step of one sequence for generation: the compiled loop over a single step, without its product."""

from collections.abc import Callable
from typing import Any

import numpy as np

from npseq.bptt.tape import Weights
from npseq.cell import Cell
from npseq.compiled.compiling import functions_of


def step_of(cell: Cell, w: Weights, a: np.ndarray, s: np.ndarray, c: np.ndarray) -> Callable[[], None] | None:
    """Returns a function that makes one step, or None for a cell that cannot be compiled.

    It reads the pre-activations a (A, H, 1), and writes the state after the step over that before it, which is s[1],
    (rows, 1) with h first, and c[1]; s[0] and c[0] are its room for the state before.
    """
    functions = functions_of(cell, a.dtype)
    if functions is None:
        return None
    units, none = a.shape[1], np.empty((0, 0), a.dtype)
    flat: Any = lambda x: x.reshape(len(x), x.shape[1])  # noqa: E731
    U = none if w.U is None else np.ascontiguousarray(w.U)
    vectors = none if w.vectors is None else flat(w.vectors)
    m = none if w.U is None else np.empty((1, cell.operands * units), a.dtype)
    arrays = np.empty((0, w.W.shape[1]), a.dtype), U, vectors, flat(s), flat(c), a.reshape(1, -1), m
    given = *arrays, np.empty((0, 0), bool), units, w.state, 0, True, np.zeros(1, np.int64), (1, 0, 1)

    def step() -> None:
        s[0], c[0] = s[1], c[1]
        functions.forward(*given)

    return step
