"""Checks of what a layer is given, before anything is computed: inputs, lengths, tapes, arrays."""

from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import array as an_array
from npseq.arguments import castable, integers
from npseq.arrays import type_name
from npseq.backend import Array, MaybeArray, array_module
from npseq.bptt.tape import Tape
from npseq.layers.lengths import check_steps, has_step, within
from npseq.parameters import Parameters


class Batch(NamedTuple):
    """x, and when its sequences end."""

    x: Array  # (T, B, D) or ids (T, B)
    is_ids: bool
    lengths: MaybeArray  # (B,), or a mask (T, B) with gaps, on the host
    mask: Array | None  # (T, B) bool, None where every sequence has all steps

    @property
    def started(self) -> Array | None:
        """(B,) bool: which sequences have a step; None where all have one."""
        if self.mask is None or (self.lengths if self.lengths.ndim == 1 else self.lengths.any(axis=0)).all():
            return None
        any_step: Array = np.any(self.mask, axis=0)
        return any_step

    @property
    def ragged(self) -> tuple[bool, ...]:
        """(T,): whether any sequence lacks a step, of a batch that has a mask."""
        if self.lengths.ndim == 2:
            return tuple(np.any(~self.lengths, axis=1).tolist())
        least = int(self.lengths.min())
        return tuple(step >= least for step in range(len(self.x)))


def check_batch(x: Array, lengths: Array | None, features: int, dtype: np.dtype, xp: object) -> Batch:
    """Raises TypeError or ValueError unless x is (T, B, features) of this dtype, or ids (T, B) below features."""
    if array_module(an_array("x", x)) is not xp:
        raise TypeError(
            f"x is a {type(x).__module__} array but the layer's parameters are not; move one of them: layer.to(...)"
        )
    is_ids = x.dtype.kind in "iu"
    if is_ids and x.ndim != 2:
        remedy = f"; features are floating: x.astype({dtype.name!r})" if x.ndim == 3 else ""
        raise ValueError(f"token ids must have shape (T, B), got {x.shape}{remedy}")
    if not is_ids and (x.ndim != 3 or x.shape[2] != features):
        raise ValueError(f"x must have shape (T, B, {features}), or be integer ids (T, B), got {x.shape} {x.dtype}")
    if not is_ids:
        castable("x", x, dtype)
    steps, batch = x.shape[:2]
    if lengths is None:
        return _checked_ids(Batch(x, is_ids, None, None), features)
    lengths = check_steps(lengths, steps, batch)
    whole = lengths.ndim == 1 and np.all(lengths == steps)
    mask = None if whole else xp.asarray(has_step(lengths, steps, batch))
    return _checked_ids(Batch(x, is_ids, lengths, mask), features)


def _checked_ids(batch: Batch, features: int) -> Batch:
    """Ids of steps that are not there may be anything and become 0; the others must be in [0, features)."""
    if not batch.is_ids:
        return batch
    x = batch.x if batch.mask is None else batch.x * batch.mask
    x = integers("token ids of x (T, B)", x, features)
    return batch if x is batch.x else batch._replace(x=x)


def check_ids(name: str, ids: Any, size: int, lengths: Any = None) -> Any:
    """Returns ids (T, B) as signed integers, 0 past each length. Raises unless the others are in [0, size)."""
    if an_array(name, ids).ndim != 2:
        raise ValueError(f"{name} must be ids (T, B), got shape {ids.shape}")
    return integers(name, within(integers(name, ids), lengths), size)


def check_tape(tape: Tape, layer: Any) -> tuple[int, int]:
    """T and B of a tape. Raises TypeError or ValueError unless this layer made it with its present parameters."""
    check_kind(tape, Tape)
    if tape.signature != layer.signature:
        raise TypeError(f"tape must come from this layer's forward, {layer.signature}, got one from {tape.signature}")
    check_mark(tape.mark, layer.params)
    strand = tape.strands[0][0]
    return strand.steps, strand.s.shape[2]


def check_kind(tape: Any, kind: type) -> None:
    """Raises TypeError for a tape of another kind."""
    if not isinstance(tape, kind):
        raise TypeError(f"tape must be the one that this layer's forward returned, got {type_name(tape)}")


def check_old(tape: Any, kind: type) -> None:
    """Raises TypeError for what is no tape of this kind to be written over, and not None."""
    if tape is not None and not isinstance(tape, kind):
        raise TypeError(f"tape must be an old one that forward returned, or None, got {type_name(tape)}; give None")


def check_mark(mark: tuple[Any, ...], params: Parameters) -> None:
    """Raises ValueError unless the parameters hold what they held when the tape was made."""
    if mark != params.mark():
        raise ValueError(
            "tape must have been made with the parameters that the layer has now, but they have been written since, or "
            "it is another layer's: its gradient would be that of neither; run forward again"
        )


def check_array(name: str, array: Array, shape: tuple[int, ...], dtype: np.dtype, xp: object) -> Array:
    """An array of exactly this shape, where the layer is, in dtype, to which it must be castable."""
    if xp is np and type(array) is np.ndarray and array.shape == shape and array.dtype is dtype:
        return array
    an_array(name, array, f" of shape {shape}")
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
    if array_module(array) is not xp:
        raise TypeError(
            f"{name} is a {type(array).__module__} array but the layer's parameters are not; use layer.to(...)"
        )
    return castable(name, array, dtype).astype(dtype, copy=False)
