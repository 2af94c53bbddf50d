"""The parameters of a layer or a model are one flat vector and named views into it.

An optimizer step, a norm, a clip, an all-reduce and scipy.optimize.minimize each see one array, `flat`; a reader sees
`params["W_xf"]` (D, H). The named views are rectangles of a few blocks, the arrays that the engine multiplies with.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from math import inf, prod
from typing import Any, Self, TypeVar

import numpy as np

from npseq.arguments import array, array_or_lists
from npseq.backend import HOST, Array, address, array_module
from npseq.shown import columns, in_notebooks

T = TypeVar("T")
Index = tuple[slice | int, ...]
WRITES = count(1)  # a number for each time that npseq writes on parameters, never given twice
SAMPLED = 16  # entries that tell whether NumPy itself has written on a vector
_most: ContextVar[float] = ContextVar("_most", default=inf)


@contextmanager
def at_most(count: int) -> Iterator[None]:
    """Refuses a layer of more parameters inside, before it takes memory, with a ValueError for what a file says."""
    token = _most.set(count)
    try:
        yield
    finally:
        _most.reset(token)


@dataclass(frozen=True)
class Layout:
    """Says where everything is: blocks {name: shape}, one after the other, and names {name: (block, index into it)}."""

    blocks: dict[str, tuple[int, ...]]
    names: dict[str, tuple[str, Index]]

    def __post_init__(self) -> None:
        if (most := _most.get()) < inf and sum(self._count(*place) for place in self.names.values()) > most:
            raise ValueError(f"its configuration has more parameters than the {most} that it holds")

    def _count(self, block: str, index: Index) -> int:
        """The entries of a rectangle of a block."""
        shape = self.blocks[block]
        sides = [at.indices(length) for length, at in zip(shape, index, strict=False) if isinstance(at, slice)]
        return prod(stop - start for start, stop, _ in sides) * prod(shape[len(index) :])

    @cached_property
    def spans(self) -> dict[str, tuple[int, int]]:
        """Returns {block: (start, stop)} in the flat vector."""
        start, spans = 0, {}
        for block, shape in self.blocks.items():
            spans[block] = (start, start + prod(shape))
            start += prod(shape)
        return spans

    @cached_property
    def size(self) -> int:
        return sum(prod(shape) for shape in self.blocks.values())


def simple_layout(shapes: Mapping[str, tuple[int, ...]]) -> Layout:
    """Returns the layout in which every name is a block of its own."""
    return Layout(dict(shapes), {name: (name, ()) for name in shapes})


def join_layouts(parts: Mapping[str, Layout]) -> Layout:
    """Returns one layout of several, with each name prefixed by "part."."""
    blocks = {f"{part}.{block}": shape for part, layout in parts.items() for block, shape in layout.blocks.items()}
    names = {
        f"{part}.{name}": (f"{part}.{block}", index)
        for part, layout in parts.items()
        for name, (block, index) in layout.names.items()
    }
    return Layout(blocks, names)


@in_notebooks
class Parameters(MutableMapping[str, Array]):
    """A mapping {name: array} over one flat vector; the arrays are views, writable in place.

    `params[name] = array` and `params.flat = vector` write in place too, into the memory that the layer reads.

    Args:
        layout: where each name lies in the vector.
        flat: the vector (layout.size,); it is not copied.

    Example:
        >>> params = ns.Linear(3, 2, rng=0).params
        >>> params["b"] = np.zeros(2)
        >>> list(params), params["W"].shape, params.flat.shape
        (['W', 'b'], (3, 2), (8,))
    """

    layout: Layout
    flat: Array
    _last_write: int
    _whole: "Parameters | None"
    _sample: np.ndarray | None
    _views: dict[Hashable, Any]
    _named: dict[str, Array]

    def __init__(self, layout: Layout, flat: Array):
        if array("flat", flat).shape != (layout.size,):
            raise ValueError(f"flat must have shape ({layout.size},) for this layout, got {flat.shape}")
        self.__setstate__((layout, flat, 0))

    def __getstate__(self) -> tuple[Layout, Array, int]:
        return self.layout, self.flat, self.mark()[0]

    def __setstate__(self, state: tuple[Layout, Array, int]) -> None:
        layout, flat, last_write = state
        # a copy makes its own views, of its own vector
        self.__dict__.update(layout=layout, flat=flat, _last_write=last_write, _whole=None, _views={}, _named={})
        sample = flat[:: flat.size // SAMPLED + 1] if isinstance(flat, HOST) else None
        self.__dict__["_sample"] = sample

    def __setattr__(self, name: str, value: Any) -> None:
        """Writes params.flat in place: layers hold views of this memory. No other attribute can be set."""
        if name != "flat":
            raise AttributeError(f"parameters have no {name!r} to set; write params[name] or params.flat")
        if value is not self.flat:  # params.flat += v has written already
            self._write("flat", self.flat, value)
        self.written()

    def written(self) -> None:
        """Says that the values have changed, so that backward refuses the tapes that were made before."""
        self.__dict__["_last_write"] = next(WRITES)

    def mark(self) -> tuple[int, Any]:
        """Returns what differs between parameters of other values: before and after a write, and of two layers.

        Writes by npseq are counted. Those by NumPy, as `params.flat[...] = v`, are seen by a sample of the entries. A
        device is not asked for its values; there it is the place in its memory.
        """
        last, whole = self._last_write, self._whole
        while whole is not None:  # a write on the whole is one on its parts
            last, whole = max(last, whole._last_write), whole._whole
        return last, address(self.flat) if self._sample is None else self._sample.tobytes()

    @classmethod
    def zeros(cls, layout: Layout, dtype: Any, xp: Any = np) -> Self:
        return cls(layout, xp.zeros(layout.size, dtype))

    def block(self, name: str) -> Array:
        """Returns a whole block, as the engine multiplies with it."""
        return self.once(name, self._block, name)

    def _block(self, name: str) -> Array:
        start, stop = self.layout.spans[name]
        return self.flat[start:stop].reshape(self.layout.blocks[name])

    def once(self, key: Hashable, make: Callable[..., T], *arguments: Any) -> T:
        """Returns make(*arguments) and saves it under the key, for views that a loop would make again at each step."""
        made: T | None = self._views.get(key)
        if made is None:
            made = self._views[key] = make(*arguments)
        return made

    def part(self, name: str, layout: Layout) -> "Parameters":
        """Returns the parameters of one part of a joined layout, as views of the same vector."""
        start = self.layout.spans[f"{name}.{next(iter(layout.blocks))}"][0] if layout.blocks else 0
        part = Parameters(layout, self.flat[start : start + layout.size])
        part.__dict__["_whole"] = self
        return part

    def share(self, name: str, view: Array) -> None:
        """Gives params[name], of no place in this vector, another layer's memory; it is not among the names."""
        self._named[name] = view

    def like(self, flat: Array) -> "Parameters":
        """Returns the same names over another vector."""
        return Parameters(self.layout, flat)

    def __getitem__(self, name: str) -> Array:
        try:
            return self._named[name][...]
        except (KeyError, TypeError):  # a first time, or no name
            given: Any = name
            if not isinstance(given, str) or given not in self.layout.names:
                raise KeyError(f"no parameter {name!r:.80}; there are {', '.join(self.layout.names)}") from None
        block, index = self.layout.names[name]
        self._named[name] = self.block(block)[index]
        return self._named[name][...]

    def __setitem__(self, name: str, value: Array) -> None:
        self._write(name, self[name], value)
        self.written()

    def _write(self, name: str, view: Array, value: Any) -> None:
        given = array_or_lists(name, value)
        if given.shape != view.shape:
            raise ValueError(f"{name} must have shape {view.shape}, got {given.shape}; it is written in place")
        if not np.can_cast(given.dtype, view.dtype, "same_kind"):
            raise TypeError(f"{name} must be what {view.dtype} can hold, got {given.dtype}; convert it with astype")
        if array_module(view, given) is np and not view.flags.writeable:
            raise ValueError(f"{name} must be writable, these parameters are read-only; bind a copy of their vector")
        view[...] = given

    def __delitem__(self, name: str) -> None:
        raise TypeError(f"parameters cannot be removed ({name!r}): they are views into one vector")

    def __contains__(self, name: object) -> bool:
        return name in self.layout.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.layout.names)

    def __len__(self) -> int:
        return len(self.layout.names)

    def __repr__(self) -> str:
        rows = columns([(f"  {name}", str(value.shape)) for name, value in self.items()])
        return "\n".join([f"Parameters: {self.flat.size} numbers, {self.flat.dtype}", *rows])
