"""A training loop's own arrays, handed out again at each step."""

from __future__ import annotations

from collections.abc import Hashable
from math import prod

from npseq.backend import Array, array_module


class Room:
    """Memory by name, the same again while dtype and place stay the same and it is large enough.

    Fresh memory is mapped and faulted in page by page at every step; for a recurrent layer that is a tenth of the time.
    """

    def __init__(self) -> None:
        self._memory: dict[Hashable, Array] = {}  # (N,)
        self._arrays: dict[Hashable, Array] = {}  # what was handed out last, a view of it
        self._parts: dict[Hashable, Room] = {}

    def part(self, name: Hashable) -> Room:
        """A room of its own for one part of a model."""
        return self._parts.setdefault(name, Room())

    def arrays(self) -> list[Array]:
        """All of its memory, that of parts too."""
        return [*self._memory.values(), *(array for part in self._parts.values() for array in part.arrays())]


def empty(room: Room | None, name: Hashable, like: Array, shape: tuple[int, ...]) -> Array:
    """An array of this shape, of the dtype and place of `like`, nothing set: from the room where there is one."""
    if room is None:
        return array_module(like).empty(shape, like.dtype)
    array = room._arrays.get(name)
    if array is None or array.shape != shape or not _alike(array, like):
        array = room._arrays[name] = _memory(room, name, like, prod(shape)).reshape(shape)
    return array


def _memory(room: Room, name: Hashable, like: Array, size: int) -> Array:
    """(size,) of the room's memory of this name, which is made anew where it does not do."""
    memory = room._memory.get(name)
    if memory is None or memory.size < size or not _alike(memory, like):
        memory = room._memory[name] = array_module(like).empty(size, like.dtype)
    return memory[:size]


def _alike(array: Array, like: Array) -> bool:
    return array.dtype == like.dtype and type(array) is type(like)


def part(room: Room | None, name: Hashable) -> Room | None:
    return None if room is None else room.part(name)
