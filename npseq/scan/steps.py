"""The T steps of B sequences as one step of T*B sequences, column t*B + b being step t of sequence b.

Each of those columns begins at a state of its own, so that all run at once, forward and backward, by the one loop over
time that there is. Columns are in x's order of time for both directions.
"""

from typing import NamedTuple

import numpy as np

from npseq.backend import Array, MaybeArray
from npseq.bptt.tape import Strand, Tape
from npseq.layers.features import in_order


class StepsTape(NamedTuple):
    """A tape of the T steps of B sequences side by side, whose states before and after need not be one trajectory."""

    tape: Tape  # of one step of T*B sequences
    steps: int  # T
    batch: int  # B


def steps_of(tape: Tape) -> StepsTape:
    """The tape of a forward pass, its steps side by side."""
    first = tape.strands[0][0]
    strands = tuple(tuple(side_by_side(strand, d) for d, strand in enumerate(row)) for row in tape.strands)
    dropout = tuple(None if masks is None else [columns(mask)[None] for mask in masks] for masks in tape.dropout)
    return StepsTape(tape._replace(strands=strands, dropout=dropout), first.steps, first.s.shape[2])


def side_by_side(strand: Strand, d: int) -> Strand:
    """A strand, d being its direction, as one step; arrays are copied."""
    before, after = columns(in_order(strand.s[:-1], d)), columns(in_order(strand.s[1:], d))
    s = _empty(strand.s, 2, *before.shape)
    s[0], s[1] = before, after
    c: MaybeArray = None
    if strand.c is not None:
        before, after = columns(in_order(strand.c[:-1], d)), columns(in_order(strand.c[1:], d))
        c = _empty(strand.c, 2, *before.shape)
        c[0], c[1] = before, after
    a = _empty(strand.a, 1, *strand.a.shape[1:3], s.shape[2])
    if len(strand.a) == strand.steps:
        a[0] = columns(in_order(strand.a, d))
    m, ids, mask = (None if x is None else columns(in_order(x, d))[None] for x in (strand.m, strand.ids, strand.mask))
    return strand._replace(s=s, c=c, a=a, m=m, ids=ids, mask=mask, transposed=None, ragged=(any(strand.ragged),))


def write_back(step: Strand, strand: Strand, d: int) -> None:
    """Writes gates, and operands of the second product, of all steps into the strand that they are of."""
    steps, (*_, batch) = strand.steps, strand.s.shape
    if len(strand.a) == steps:
        in_order(strand.a, d)[...] = apart(step.a[0], steps, batch)
    if strand.m is not None:
        in_order(strand.m, d)[...] = apart(step.m[0], steps, batch)


def columns(array: Array) -> Array:
    """(T, ..., B) as (..., T*B)."""
    steps, *rest, batch = array.shape
    return array.transpose(*range(1, array.ndim - 1), 0, array.ndim - 1).reshape(*rest, steps * batch)


def apart(array: Array, steps: int, batch: int) -> Array:
    """The reverse of `columns`."""
    found = array.reshape(*array.shape[:-1], steps, batch)
    return found.transpose(found.ndim - 2, *range(found.ndim - 2), found.ndim - 1)


def _empty(like: Array, *shape: int) -> Array:
    return np.empty_like(like, shape=shape)
