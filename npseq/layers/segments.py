"""Resets: steps (T, B) before which a sequence starts anew, from a state of zeros.

A sequence with resets is several sequences, one after the other. So each of these segments becomes a column of a batch
of its own, with its length, and everything that npseq does with unequal lengths does for resets: both directions,
truncation, lags. Only the first segment begins at the given state; the last one's state is the sequence's.
"""

from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import array as an_array
from npseq.backend import Array, MaybeArray, array_module, to_host
from npseq.bptt.tape import Tape
from npseq.layers.batch import check_array, check_batch, check_old
from npseq.layers.lengths import check_steps, has_step
from npseq.layers.states import as_state, map_state
from npseq.layers.upstream import check_dc


class Segments(NamedTuple):
    """Where the segments of a batch (T, B) lie, on the host."""

    shape: tuple[int, int]  # (T, B) of the batch
    sequence: np.ndarray  # (S,): whose each is
    start: np.ndarray  # (S,): its first step
    lengths: np.ndarray  # (S,)
    fresh: np.ndarray  # (S,) bool: whether it begins at zeros

    def split(self, array: Array) -> Array:
        """(T, B, ...) as (longest, S, ...), zero past each length."""
        xp, (steps, _) = array_module(array), self.shape
        offset = np.arange(max(self.lengths, default=0))[:, None]
        inside = offset < self.lengths
        at = np.minimum(self.start + offset, max(steps - 1, 0))
        found = array[xp.asarray(at), xp.asarray(self.sequence)]
        inside = inside.reshape(*inside.shape, *[1] * (array.ndim - 2))
        kept: Array = xp.where(xp.asarray(inside), found, 0).astype(array.dtype)
        return kept

    def join(self, array: Array) -> Array:
        """The reverse of split; zero where there is no segment."""
        xp = array_module(array)
        out: Array = xp.zeros((*self.shape, *array.shape[2:]), array.dtype)
        offset, segment = np.nonzero(np.arange(len(array))[:, None] < self.lengths)
        at = xp.asarray(self.start[segment] + offset), xp.asarray(self.sequence[segment])
        out[at] = array[xp.asarray(offset), xp.asarray(segment)]
        return out

    def first_state(self, state: Any) -> Any:
        """The state (L*R, S, .) before each segment, of the sequences' (L*R, B, .)."""
        return map_state(lambda part: self._chosen(part, self.sequence, self.fresh), state)

    def last_state(self, last: Any, given: Any) -> Any:
        """The state after each sequence's last segment; of one without steps the given state."""
        final = self._final()

        def chosen(found: Array, start: Array) -> Array:
            out, xp = start.copy(), array_module(start)
            out[:, xp.asarray(self.sequence[final])] = found[:, xp.asarray(final)]
            return out

        return map_state(chosen, last, given)

    def last_gradient(self, dstate: Any) -> Any:
        """The derivative by each segment's last state, of that by the sequences'."""
        others = np.ones(len(self.sequence), bool)
        others[self._final()] = False
        return map_state(lambda part: self._chosen(part, self.sequence, others), dstate)

    def first_gradient(self, dfirst: Any, dstate: Any) -> Any:
        """The derivative by the sequences' first states; without steps it is that by the last one."""
        own = np.flatnonzero((self.start == 0) & ~self.fresh)
        without = np.setdiff1d(np.arange(self.shape[1]), self.sequence)

        def chosen(found: Array, last: Array) -> Array:
            out, xp = np.zeros_like(last), array_module(last)
            out[:, xp.asarray(without)] = last[:, xp.asarray(without)]
            out[:, xp.asarray(self.sequence[own])] = found[:, xp.asarray(own)]
            return out

        return map_state(chosen, dfirst, dstate)

    def _final(self) -> np.ndarray:
        """The last segment of each sequence that has one."""
        return np.flatnonzero(np.append(self.sequence[1:] != self.sequence[:-1], True)[: len(self.sequence)])

    @staticmethod
    def _chosen(part: Array, sequence: np.ndarray, zero: np.ndarray) -> Array:
        xp = array_module(part)
        found: Array = xp.where(xp.asarray(zero[:, None]), 0, part[:, xp.asarray(sequence)])
        return found


class SegmentsTape(NamedTuple):
    """The tape of the segments of a batch with resets.

    `ns.inspect` looks into `tape`, whose sequences are the segments, with `segments.split(dy)`.
    """

    tape: Tape
    segments: Segments


def forward_segments(
    layer: Any, run: Any, x: Array, state: Any, lengths: Any, resets: Array, tape: Any
) -> tuple[Any, ...]:
    """A forward pass of a batch with resets, by run(x, state, lengths, tape=), that of a batch without them."""
    batch = check_batch(x, lengths, layer.input_size, layer.dtype, array_module(layer.params.flat))
    segments = segments_of(resets, lengths, *batch.x.shape[:2])
    given = as_state([part for part in layer.checked_state("state", state, batch.x.shape[1]) if part is not None])
    check_old(tape, SegmentsTape)
    own = segments.lengths if batch.lengths is None or batch.lengths.ndim == 1 else segments.split(batch.lengths)
    old, first = {} if tape is None else {"tape": tape.tape}, segments.first_state(given)
    y, last, inner, *more = run(segments.split(batch.x), first, own, **old)
    return segments.join(y), segments.last_state(last, given), SegmentsTape(inner, segments), *more


def backward_segments(
    layer: Any, run: Any, dy: MaybeArray, tape: SegmentsTape, dstate: Any, dc: Any
) -> tuple[MaybeArray, Any, Any]:
    """A backward pass of a batch with resets, by run(dy, tape, dstate, dc=), that of a batch without them."""
    inner, segments = tape
    (steps, batch), xp = segments.shape, array_module(layer.params.flat)
    if dy is not None:
        dy = segments.split(check_array("dy", dy, (steps, batch, layer.output_size), layer.dtype, xp))
    given = as_state([part for part in layer.checked_state("dstate", dstate, batch) if part is not None])
    dlast, own = segments.last_gradient(given), check_dc(dc, layer, steps, batch)
    dcs = None if own is None else [None if part is None else segments.split(part) for part in own]
    dx, dfirst, grads = run(dy, inner, dlast, dc=dcs)
    return None if dx is None else segments.join(dx), segments.first_gradient(dfirst, given), grads


def segments_of(resets: Array, lengths: Any, steps: int, batch: int) -> Segments:
    """The segments of every sequence in turn. Raises TypeError or ValueError unless resets are bool (T, B)."""
    given = to_host(an_array("resets", resets, " (T, B)"))
    if given.dtype.kind != "b":
        raise TypeError(f"resets must be bool, got {given.dtype}; give resets != 0")
    if given.shape != (steps, batch):
        raise ValueError(f"resets must have shape ({steps}, {batch}), a flag for each step of x, got {given.shape}")
    given = given & has_step(lengths, steps, batch)
    own = None if lengths is None else check_steps(lengths, steps, batch)
    ends = np.full(batch, steps) if own is None or own.ndim == 2 else own
    begins = given.copy()
    begins[:1] |= ends > 0
    sequence, start = np.nonzero(begins.T)
    stop = np.where(np.append(sequence[1:], -1) == sequence, np.append(start[1:], 0), ends[sequence])
    return Segments((steps, batch), sequence, start, stop - start, given[start, sequence])
