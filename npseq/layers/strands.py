"""Strands before they run: their inputs, lengths and first state."""

from typing import Any

import numpy as np

from npseq.backend import Array, MaybeArray, array_module
from npseq.bptt import loop
from npseq.bptt.compiled import compiled
from npseq.bptt.tape import Strand, Weights, new_strand
from npseq.bptt.workspace import Workspace, child
from npseq.layers.batch import Batch
from npseq.layers.features import in_order, write_inputs
from npseq.layers.states import map_state, stack_state
from npseq.magnitude import blank

LOOK_UP_ABOVE = 128  # one-hot inputs wider than this are rows looked up; below, one product with the state is faster


def run_strand(
    layer: Any,
    l: int,
    d: int,
    features: list[Array],
    batch: Batch,
    h: Array,
    c: MaybeArray,
    old: Any,
    training: bool,
    views: Workspace | None,
) -> Strand:
    """Runs direction d of layer l from its row of the states h and c; old are all strands of a tape to write over."""
    w, k = layer.weights(l, d), l * layer.directions + d
    strand = filled_strand(layer, w, l, d, features, batch, None if old is None else old[l][d], training)
    write_state(strand, layer.state_size, h[k], None if c is None else c[k], batch.started)
    if not strand.x_first and (loops := compiled(layer.cell, strand)) is not None:
        loops.forward(w, strand)
    else:
        loop.forward(layer.cell, w, strand, child(views, (l, d)))
    return strand


def filled_strand(
    layer: Any,
    w: Weights,
    l: int,
    d: int,
    features: list[Array],
    batch: Batch,
    old: Strand | None,
    training: bool = False,
) -> Strand:
    """A strand of the layer with its inputs, lengths and masks; features is empty where x is ids."""
    (steps, size), xp = batch.x.shape[:2], array_module(w.W)
    look_up = not features and layer.input_size > LOOK_UP_ABOVE
    strand = new_strand(xp, layer.cell, w, steps, size, look_up, old)
    if batch.mask is not None:
        strand = strand._replace(mask=in_order(batch.mask, d)[:, None], ragged=in_order(batch.ragged, d))
    looks_up = not features and strand.x_first and (look_up or size == 1)
    if looks_up and strand.ids is not None:
        strand.ids[...] = in_order(batch.x, d)
    elif looks_up or strand.ids is not None:
        strand = strand._replace(ids=in_order(batch.x, d).astype(np.int64) if looks_up else None)
    if w.blocks.saved:
        for block, probability in enumerate(layer.cell.masks.values(), len(w.blocks.names)):
            mask = strand.a[:, block]
            mask[...] = layer.dropout.draw(mask, probability) if training else probability
    if not look_up:
        strand.s[:, w.state : w.state + w.bias] = 1
        rows = strand.s[:steps, w.state + w.bias :]
        write_inputs(rows, features, batch.x, d, xp)
        if strand.mask is not None and features and l == 0:
            np.copyto(rows, 0, where=~strand.mask)
    return strand


def write_state(strand: Strand, size: int, h: Array, c: MaybeArray, started: MaybeArray = None) -> None:
    """Writes the state before the first step, h (B, P) and c (B, H); of a sequence without steps what is finite."""
    if started is not None:
        h, c = (_finite(part, started[:, None]) for part in (h, c))
    strand.s[0, :size] = h.T
    if c is not None:
        strand.c[0] = c.T


def _finite(part: MaybeArray, started: Array) -> MaybeArray:
    """A weight's gradient is a sum over the sequences, and 0 * inf is no 0."""
    if part is None:
        return None
    xp = array_module(part)
    return blank(xp, part, started | xp.isfinite(part))


def last_state(strands: list[Strand], size: int, h: Array, c: MaybeArray, started: MaybeArray) -> Any:
    """The state after each sequence's last step, of those without steps the given h (L*R, B, P) and c."""
    xp, cs = array_module(h), [None if strand.c is None else strand.c[-1] for strand in strands]
    last = stack_state([strand.s[-1, :size] for strand in strands], cs, xp)
    if started is None:
        return last
    return map_state(lambda found, given: xp.where(started[:, None], found, given), last, h if c is None else (h, c))
