"""Sequences that are over, in the columns of a step's rows: (T18) and (T19) of the loop over time."""

import numba

from npseq.compiled.products import PLAIN


@numba.njit(**PLAIN)
def keep(old, new, over):
    """new = old, of the sequences that are over."""
    for first in range(0, new.size, over.size):
        for b in range(over.size):
            if over[b]:
                new[first + b] = old[first + b]


@numba.njit(**PLAIN)
def clear(new, over):
    """new = 0, of the sequences that are over."""
    for first in range(0, new.size, over.size):
        for b in range(over.size):
            if over[b]:
                new[first + b] = 0
