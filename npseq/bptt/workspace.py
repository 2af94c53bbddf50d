"""Buffers that a training loop reuses, and memory limits that are checked before anything is allocated."""

from collections.abc import Hashable, Sequence
from math import prod

from npseq.arguments import integer
from npseq.backend import Array, array_module

MAX_BYTES = 4 << 30
KEPT = 1 << 10  # steps of which views are kept; of more they would take as much memory as what they show


class Workspace:
    """Returns the same buffer for a name as long as dtype and device match and it is large enough.

    Fresh memory is mapped and faulted in page by page at every step; for a recurrent layer that is a tenth of the time.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self.kept = kept  # of how many steps `each` keeps the views
        self._memory: dict[Hashable, Array] = {}  # (N,)
        self._arrays: dict[Hashable, Array] = {}  # the last array of each name, a view of its memory
        self._children: dict[Hashable, Workspace] = {}
        self._steps: dict[Hashable, tuple[Array, list[Array]]] = {}  # what `each` cut, of which array

    def __reduce__(self) -> tuple[type["Workspace"], tuple[int]]:
        return Workspace, (self.kept,)  # a copy has no memory yet, least of all the original's

    def child(self, name: Hashable) -> "Workspace":
        """A workspace for one layer of a model."""
        if name not in self._children:
            self._children[name] = Workspace(self.kept)
        return self._children[name]

    def arrays(self) -> list[Array]:
        """All of its memory, that of its children too."""
        return [*self._memory.values(), *(array for child in self._children.values() for array in child.arrays())]


def check_workspace(workspace: object) -> None:
    """Raises TypeError for what is neither a workspace nor None."""
    if workspace is not None and not isinstance(workspace, Workspace):
        raise TypeError(f"workspace must be None or one of npseq's own, got {type(workspace).__name__}; give None")


def child(workspace: Workspace | None, name: Hashable) -> Workspace | None:
    return None if workspace is None else workspace.child(name)


def empty(workspace: Workspace | None, name: Hashable, like: Array, shape: tuple[int, ...]) -> Array:
    """An uninitialised array of this shape, with the dtype and device of `like`, from the workspace if there is one."""
    if workspace is None:
        fresh: Array = array_module(like).empty(shape, like.dtype)
        return fresh
    array = workspace._arrays.get(name)
    if array is None or array.shape != shape or not _alike(array, like):
        array = workspace._arrays[name] = _memory(workspace, name, like, prod(shape)).reshape(shape)
    return array


def each(workspace: Workspace | None, name: Hashable, array: Array, view: Array) -> Sequence[Array] | Array:
    """The steps of a view of an array; they are kept for an array that comes again, since to cut them costs time."""
    if workspace is None or len(array) > workspace.kept:
        return view
    kept = workspace._steps.get(name)
    if kept is None or kept[0] is not array:
        kept = workspace._steps[name] = array, [*view]
    return kept[1]


def _memory(workspace: Workspace, name: Hashable, like: Array, size: int) -> Array:
    memory = workspace._memory.get(name)
    if memory is None or memory.size < size or not _alike(memory, like):
        memory = workspace._memory[name] = array_module(like).empty(size, like.dtype)
    return memory[:size]


def _alike(array: Array, like: Array) -> bool:
    return array.dtype == like.dtype and type(array) is type(like)


def require(what: str, needed: int, max_bytes: int | None, remedy: str) -> None:
    """Raises MemoryError where `needed` bytes pass the limit (None: no limit), with the way to need less."""
    if max_bytes is not None and needed > check_max_bytes(max_bytes):
        raise MemoryError(
            f"{what} would need about {readable(needed)}, more than max_bytes allows ({readable(max_bytes)}); "
            f"{remedy}, or raise max_bytes"
        )


def check_max_bytes(max_bytes: object) -> int:
    """Returns a limit in bytes. Raises TypeError or ValueError for what is none."""
    return integer("max_bytes", max_bytes, least=0)


def readable(size: float) -> str:
    """A number of bytes as a person writes it."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.3g} {unit}" if size < 1000 else f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:,.1f} TiB"
