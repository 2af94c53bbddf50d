"""When a sequence has a step: lengths (B,), or a mask (T, B), True where it has one.

Past its length, and wherever the mask is False, a sequence's state stays what it was, its y is zero and no gradient
passes. A mask whose steps all come first is the same thing as lengths, and becomes them.
"""

from typing import Any

import numpy as np

from npseq.arguments import array_or_lists, integers
from npseq.backend import Array, array_module, to_host
from npseq.magnitude import blank


def check_steps(lengths: Array, steps: int, batch: int) -> np.ndarray:
    """Returns lengths as signed integers (B,) in [0, T], or a mask (T, B) with gaps as it is, on the host."""
    given = to_host(array_or_lists("lengths", lengths))
    if given.dtype.kind != "b" or given.ndim != 2:
        found = integers("lengths", given, steps + 1, ": x has no more steps")
        if found.shape != (batch,):
            raise ValueError(f"lengths must have shape ({batch},), one a sequence, got {found.shape}")
        return found
    if given.shape != (steps, batch):
        raise ValueError(
            f"lengths must be integers ({batch},), or a mask ({steps}, {batch}) with a bool for each step of x, got "
            f"bools {given.shape}" + ("; give its transpose, mask.T" if given.shape == (batch, steps) else "")
        )
    return given if np.any(given[1:] & ~given[:-1]) else given.sum(axis=0)


def check_lengths(lengths: Array, steps: int, batch: int) -> np.ndarray:
    """Returns lengths as signed integers (B,) on the host. Raises as `check_steps`, and ValueError for gaps."""
    found = check_steps(lengths, steps, batch)
    if found.ndim == 2:
        raise ValueError(
            "lengths must say where sequences end, got a mask with steps after a gap; move each sequence's to the front"
        )
    return found


def has_step(lengths: Array | None, steps: int, batch: int) -> np.ndarray:
    """(T, B) bool, on the host: which steps each sequence has. Raises as `check_steps` does."""
    found = np.full(batch, steps) if lengths is None else check_steps(lengths, steps, batch)
    return np.arange(steps)[:, None] < found if found.ndim == 1 else found


def within(values: Array, lengths: Array | None) -> Array:
    """An array (T, B, ...) with 0 wherever a sequence has no step, where it may hold anything."""
    if lengths is None or values.ndim < 2:
        return values
    steps, batch, *rest = values.shape
    xp, mask = array_module(values), has_step(lengths, steps, batch)
    return blank(xp, values, xp.asarray(mask.reshape(steps, batch, *(1 for _ in rest))))


def cut(lengths: np.ndarray | None, first: int, steps: int) -> np.ndarray | None:
    """The lengths of some steps alone, from `first` on: checked lengths (B,), or a mask."""
    if lengths is None or lengths.ndim == 2:
        return None if lengths is None else lengths[first : first + steps]
    return (lengths - first).clip(0, steps)


def packed_order(mask: np.ndarray) -> np.ndarray:
    """(T, B): the steps that each sequence has, in order, and then the others."""
    return np.argsort(~mask, axis=0, kind="stable")


def last_steps(mask: Any) -> Any:
    """(B,): the last step that each sequence has, of a mask (T, B); -1 where it has none."""
    xp, steps = array_module(mask), len(mask)
    return (xp.arange(1, steps + 1)[:, None] * mask).max(axis=0) - 1 if steps else xp.full(mask.shape[1], -1)
