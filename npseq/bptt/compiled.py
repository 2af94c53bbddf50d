"""Which strands run in compiled loops."""

from typing import Any

import numpy as np

from npseq.bptt.tape import Strand
from npseq.cell import Cell
from npseq.cpu import CURRENT, pools

WIDE = (
    10_000_000  # operations of a step, above which BLAS on several threads is faster: 4.7 million 0.86, 19 million 1.23
)


def compiled(cell: Cell, strand: Strand) -> Any:
    """The compiled loops of a cell, None where they are not asked for, or there are none for this strand.

    They are for sequences without padding; of one alone, x's part of the pre-activations is multiplied before. Large
    steps are left to BLAS where it has several threads.
    """
    a = strand.a
    taken = strand.mask is None and type(a) is np.ndarray and (strand.x_first or a.shape[3] > 1)
    if not (CURRENT.compiled and taken):
        return None
    operations = 2 * strand.s[0].size * a.shape[1] * a.shape[2]
    if operations > WIDE and any(get_threads() > 1 for get_threads, _ in pools()):
        return None
    from npseq.compiled.strand import loops_of

    return loops_of(cell, a.dtype)
