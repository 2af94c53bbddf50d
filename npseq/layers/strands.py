"""Strands before they run: their inputs, lengths and first state."""

from typing import Any

import numpy as np

from npseq.backend import Array, MaybeArray, array_module
from npseq.bptt.tape import Strand, Weights, new_strand
from npseq.layers.batch import Batch
from npseq.layers.features import in_order, write_inputs

LOOK_UP_ABOVE = 128  # one-hot inputs wider than this are rows looked up; below, one product with the state is faster


def filled_strand(
    layer: Any, w: Weights, l: int, d: int, features: list[Array], batch: Batch, old: Strand | None
) -> Strand:
    """A strand of the layer with its inputs and lengths; features is empty where x is ids."""
    (steps, size), xp = batch.x.shape[:2], array_module(w.W)
    look_up = not features and layer.input_size > LOOK_UP_ABOVE
    strand = new_strand(xp, layer.cell, w, steps, size, look_up, old)
    if batch.mask is not None:
        ragged = tuple((batch.lengths < step + 1).any().item() for step in range(steps))
        strand = strand._replace(mask=in_order(batch.mask, d)[:, None], ragged=in_order(ragged, d))
    looks_up = not features and strand.x_first and (look_up or size == 1)
    if looks_up or strand.ids is not None:
        strand = strand._replace(ids=in_order(batch.x, d).copy() if looks_up else None)
    if not look_up:
        strand.s[:, w.state : w.state + w.bias] = 1
        rows = strand.s[:steps, w.state + w.bias :]
        write_inputs(rows, features, batch.x, d, xp)
        if strand.mask is not None and features and l == 0:
            np.copyto(rows, 0, where=~strand.mask)
    return strand


def write_state(strand: Strand, size: int, h: Array, c: MaybeArray) -> None:
    """Writes the state before the first step, h (B, P) and c (B, H)."""
    strand.s[0, :size] = h.T
    if c is not None:
        strand.c[0] = c.T
