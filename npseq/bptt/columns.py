"""The columns of all steps side by side: (T, features, B) in memory as (features, T * B), for one product of all."""

from collections.abc import Iterator
from math import prod

import numpy as np

from npseq.backend import Array, array_module
from npseq.bptt.workspace import Workspace, empty
from npseq.threads import copy, in_step

LARGEST = 1 << 23  # numbers: no copy of columns is larger, however long the sequences
CHUNKS, ENOUGH = 4, 256  # the columns are copied in so many chunks where each has enough of them for a fast product
SHARED = 4  # a product that threads share must have this many times ENOUGH columns: to start them takes time


def steps_at_once(steps: int, batch: int, features: int) -> Iterator[slice]:
    """Slices of steps whose columns are copied and multiplied at once: a copy of all would double the memory."""
    enough = ENOUGH * SHARED if in_step() else ENOUGH
    number = max(min(CHUNKS, steps * batch // enough), -(-steps * batch * features // LARGEST))
    if number <= 1:
        return iter((slice(0, steps),))
    size = -(-steps // number)
    return (slice(first, min(first + size, steps)) for first in range(0, steps, size))


def side_by_side(block: Array, workspace: Workspace | None = None, name: str = "columns") -> Array:
    """(..., features, B) as (features, everything else): the columns of all steps side by side.

    It is a view where they lie so already, with one sequence or features last in memory, else a copy.
    """
    if block.ndim == 3 and block.shape[2] == 1:
        return block[:, :, 0].T
    first = axis_first(block, block.ndim - 2)
    if are_side_by_side(block):
        return first.reshape(len(first), prod(first.shape[1:]))
    out = empty(workspace, name, block, first.shape)
    _copy(first, out)
    return out.reshape(len(first), prod(first.shape[1:]))


def are_side_by_side(block: Array) -> bool:
    """Whether the columns of all steps of a block (T, features, B) lie side by side in memory."""
    return block.ndim == 3 and (len(block) == 1 or block.strides[0] == block.shape[2] * block.strides[2])


def contiguous(block: Array) -> Array:
    """The block (T, features, B) itself, or a copy of it that lies in memory as its axes do."""
    if block.flags.c_contiguous:
        return block
    out = np.empty_like(block, order="C")
    _copy(block, out)
    return out


def _copy(source: Array, out: Array) -> None:
    """out[...] = source. On the host a batch goes as one piece: a loop over its few numbers costs more than they do."""
    if array_module(out) is np and source.size and source.strides[-1] == source.itemsize:
        piece = np.dtype((np.void, source.shape[-1] * source.itemsize))
        source, out = source.view(piece), out.view(piece)
    copy(source, out)


def axis_first(array: Array, axis: int) -> Array:
    """np.moveaxis(array, axis, 0), without its overhead."""
    return array.transpose(axis, *range(axis), *range(axis + 1, array.ndim))
