"""Which strands run in compiled loops."""

from typing import Any

import numpy as np

from npseq.bptt.tape import Strand
from npseq.cell import Cell
from npseq.cpu import CURRENT


def compiled(cell: Cell, strand: Strand) -> Any:
    """The compiled loops of a cell, None where they are not asked for, or there are none for this strand.

    They are for one sequence without padding, of which x's part of the pre-activations has been multiplied.
    """
    a = strand.a
    if not (CURRENT.compiled and strand.x_first and strand.mask is None and a.shape[3] == 1 and type(a) is np.ndarray):
        return None
    from npseq.compiled.strand import loops_of

    return loops_of(cell, a.dtype)
