"""What is compiled: which strands, which steps of generation, and which batched products."""

from collections.abc import Callable
from typing import Any

import numpy as np

from npseq.backend import Array, matmul
from npseq.bptt.tape import Strand, Weights
from npseq.cell import Cell
from npseq.cpu import CURRENT, pools
from npseq.threads import give_back, in_step

WIDE = 10_000_000  # operations of a step, above which several threads of BLAS are faster than compiled loops
ALONE = 2_000_000  # the same of one sequence, whose weights are read from memory once they do not fit a core's cache
DEEP = 64  # numbers of a sum, from which on a product of every step is faster by tiles than by BLAS
FEW, FEW_COLUMNS = 4, 64  # steps, and steps times sequences, for which packing weights costs more than it saves
LARGE = 1 << 17  # numbers that a step's product reads beside its weights, of which more fit no cache


def compiled(cell: Cell, strand: Strand) -> Any:
    """The compiled loops of a cell, None where they are not asked for, or there are none for this strand.

    Of one sequence alone, x's part of the pre-activations is multiplied before. What does not run in them gets back the
    threads of BLAS, if npseq's own had taken their place.
    """
    loops = None
    if CURRENT.compiled:
        if _fits(strand):
            from npseq.compiled.strand import loops_of

            loops = loops_of(cell, strand.a.dtype)
        if loops is None and in_step():
            give_back()
    return loops


def compiled_step(cell: Cell, w: Weights, a: Array, s: Array, c: Array) -> Callable[[], None] | None:
    """A cell's compiled step for generation; None where it is not asked for, or there is none for this cell.

    It is for one sequence, since of several the product takes most of the time. It is for cells of several gates, since
    one gate's step is two calls of NumPy, which take less time than one compiled call.
    """
    if not CURRENT.compiled or type(a) is not np.ndarray or a.shape[2] > 1 or len(cell.gates) == 1:
        return None
    from npseq.compiled.stepping import step_of

    return step_of(cell, w, a, s, c)


def batched_product(a: Array, b: Array, out: Array | None = None) -> Array:
    """a (n, k) times each of b (T, k, B); with compiled loops by tiles, for which a is packed once."""
    if not _in_tiles(a, b):
        return matmul(a, b, out=out)
    from npseq.compiled.batched import product

    found = np.empty((len(b), len(a), b.shape[2]), b.dtype) if out is None else out
    product(a, b, found)
    return found


def _in_tiles(a: Array, b: Array) -> bool:
    if not CURRENT.compiled or type(b) is not np.ndarray or a.shape[1] < DEEP:
        return False
    batch, size = b.shape[2], b.itemsize
    contiguous = worth_packing(len(b), batch) and b.strides[1:] == (batch * size, size)
    return contiguous and a.dtype == b.dtype and b.dtype.char in "fd" and pays(2 * a.size * batch, batch)


def worth_packing(steps: int, sequences: int) -> bool:
    """Whether packing the weights costs less than it saves."""
    return sequences > 1 and steps > FEW and steps * sequences >= FEW_COLUMNS


def pays(operations: int, sequences: int) -> bool:
    """Whether compiled loops are faster than BLAS, which may have several threads, for a step of so many operations."""
    few = operations <= (WIDE if sequences > 1 else ALONE)
    return few or all(get_threads() == 1 for get_threads, _ in pools())


def _fits(strand: Strand) -> bool:
    a = strand.a
    if type(a) is not np.ndarray or not (strand.x_first or a.shape[3] > 1):
        return False
    if a.shape[3] > 1 and (strand.s[0].size > LARGE or not worth_packing(strand.steps, a.shape[3])):
        return False
    return pays(2 * strand.s[0].size * a.shape[1] * a.shape[2], a.shape[3])
