"""A training loop's own arrays, handed out again at each step."""

from __future__ import annotations

from collections.abc import Hashable

from npseq.backend import Array, array_module


class Room:
    """Arrays by name, the same one again while shape, dtype and place stay the same.

    Fresh memory is mapped and faulted in page by page at every step; for a recurrent layer that is a tenth of the time.
    """

    def __init__(self) -> None:
        self._arrays: dict[Hashable, Array] = {}
        self._parts: dict[Hashable, Room] = {}

    def part(self, name: Hashable) -> Room:
        """A room of its own for one part of a model."""
        return self._parts.setdefault(name, Room())

    def arrays(self) -> list[Array]:
        """All of them, those of parts too."""
        return [*self._arrays.values(), *(array for part in self._parts.values() for array in part.arrays())]


def empty(room: Room | None, name: Hashable, like: Array, shape: tuple[int, ...]) -> Array:
    """An array of this shape, of the dtype and place of `like`, nothing set: from the room where there is one."""
    if room is None:
        return array_module(like).empty(shape, like.dtype)
    array = room._arrays.get(name)
    if array is None or array.shape != shape or array.dtype != like.dtype or type(array) is not type(like):
        array = room._arrays[name] = array_module(like).empty(shape, like.dtype)
    return array


def part(room: Room | None, name: Hashable) -> Room | None:
    return None if room is None else room.part(name)
