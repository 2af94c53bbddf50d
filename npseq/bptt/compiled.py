"""Which strands run in compiled loops."""

from typing import Any

import numpy as np

from npseq.bptt.tape import Strand
from npseq.cell import Cell
from npseq.cpu import CURRENT


def compiled(cell: Cell, strand: Strand) -> Any:
    """The compiled loops of a cell, None where they are not asked for, or there are none for this strand.

    They are for sequences without padding; of one alone, x's part of the pre-activations is multiplied before.
    """
    a = strand.a
    taken = strand.mask is None and type(a) is np.ndarray and (strand.x_first or a.shape[3] > 1)
    if not (CURRENT.compiled and taken):
        return None
    from npseq.compiled.strand import loops_of

    return loops_of(cell, a.dtype)
