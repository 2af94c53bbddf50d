"""A cell's contract, held to before a layer is made of it: what it names, and what its methods write and return.

Each method is tried on a few numbers, twice, over memory that holds other numbers each time. What differs between the
two was not written, or was read before it was written; in a gradient it would be whatever the memory held.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np

from npseq.arguments import instance, integer, share
from npseq.backend import Array
from npseq.bptt.blocks import blocks_of, of_blocks, to_blocks
from npseq.bptt.layout import strand_layout
from npseq.cell import Cell, State, has_own
from npseq.parameters import Parameters

UNITS, FEATURES, BATCH, STEPS = 2, 3, 4, 5  # of the trial; all differ, so that no axis is taken for another
FILLS = 271.828, -0.57721  # what memory holds that is to be written
ENDING = re.compile(r"(_l\d+)?(_reverse)?$")


def check_cell(cell: Any, whole: bool = True) -> Cell:
    """Returns the cell. Raises TypeError or ValueError unless it fulfils the contract.

    Args:
        cell: an object of a class that extends npseq.cell.Cell.
        whole: whether h has a feature for each unit.
    """
    if isinstance(cell, type):
        raise TypeError(f"cell must be an object of its class, got the class {cell.__name__}; give {cell.__name__}()")
    checked = instance("cell", cell, Cell, "an object of a class that extends ns.Cell")
    try:
        hash(cell)
    except TypeError:
        raise TypeError(f"{_name(cell)}'s options must be hashable, got {cell}; give tuples for lists") from None
    _check(checked, whole)
    return checked


@lru_cache
def _check(cell: Cell, whole: bool) -> None:
    _check_names(cell)
    if not whole and (cell.projection is None or cell.projection in blocks_of(cell).h_weights):
        raise ValueError(
            f"state_size must be hidden_size, since {_name(cell)} has no second product that makes h of another size"
        )
    trial = _Trial(cell, UNITS if whole else FEATURES)
    trial.forward()
    trial.backward()
    trial.vector_gradients()


def initial_values(cell: Cell, params: Parameters, rng: np.random.Generator) -> Parameters:
    """Writes the initial values that the cell itself has, over others, and returns the parameters."""
    for name in params if has_own(cell, "initial") else ():
        value = cell.initial(ENDING.sub("", name), params[name].shape, rng)
        if value is not None:
            params[name][...] = value
    return params


def _name(cell: Cell) -> str:
    return type(cell).__name__


def _check_names(cell: Cell) -> None:
    """Raises TypeError or ValueError for names that are none, or that two parameters or parts would share."""
    if not hasattr(cell, "gates"):
        raise TypeError(f"{_name(cell)} must name its gates, the blocks that x enters: gates = ('u',)")
    for kind in ("gates", "state", "h_blocks", "vectors", "saved"):
        _check_tuple(cell, kind, getattr(cell, kind))
    if not isinstance(cell.masks, Mapping):
        raise TypeError(f"{_name(cell)}.masks must be {{name: probability}}, got {cell.masks!r:.80}")
    _check_tuple(cell, "masks", tuple(cell.masks))
    for name, probability in cell.masks.items():
        share(f"{_name(cell)}.masks[{name!r}]", probability)
    instance(f"{_name(cell)}.projection", cell.projection, (str, type(None)), "the name of a matrix or None")
    for name, least in (("local", 0), ("operands", 1)):
        if integer(f"{_name(cell)}.{name}", getattr(cell, name), least) is not getattr(cell, name):
            raise TypeError(f"{_name(cell)}.{name} must be an int, got {getattr(cell, name)!r}")
    if not cell.gates or cell.state[:1] != ("h",):
        raise ValueError(
            f"{_name(cell)} must have a gate and a state whose first part is h, "
            f"got gates {cell.gates} and state {cell.state}"
        )
    for block in cell.h_blocks:
        if block not in cell.gates and not block.startswith("h"):
            raise ValueError(f"{_name(cell)}.h_blocks must be gates, or an h and a gate's name, got {block!r}")
    if (cell.masks or cell.saved) and not cell.reads_gates:
        raise ValueError(f"{_name(cell)}.reads_gates must be True for masks and saved blocks, which are blocks of a")
    blocks, names = blocks_of(cell), strand_layout(cell, 1, 1, 1, True, "").names
    each = len(cell.gates) * 2 + len(blocks.h_weights) + len(blocks.h_only) + len(cell.vectors)
    each += cell.projection is not None and cell.projection not in blocks.h_weights
    if len(names) < each or len({*blocks.names, *blocks.saved}) < len(blocks.names) + len(blocks.saved):
        raise ValueError(f"{_name(cell)} must give each parameter and block a name of its own, got {', '.join(names)}")


def _check_tuple(cell: Cell, kind: str, names: Any) -> None:
    if not isinstance(names, tuple) or not all(isinstance(name, str) and name.isidentifier() for name in names):
        hint = f"; write ({names!r},)" if isinstance(names, str) else ""
        raise TypeError(f"{_name(cell)}.{kind} must be a tuple of names, got {names!r:.80}{hint}")
    if len({*names}) < len(names) or any(ENDING.sub("", name) != name for name in names):
        raise ValueError(f"{_name(cell)}.{kind} must differ, and not end as a layer's number does, got {names}")


class _Trial:
    """Random numbers for every argument of a cell's methods."""

    def __init__(self, cell: Cell, features: int):
        self.cell, self.blocks, self.features = cell, blocks_of(cell), features
        self.rng = np.random.default_rng(0)
        self.taped, self.saved = len(self.blocks.names) + len(self.blocks.saved), len(self.blocks.saved)
        self.p = self.draw(len(cell.vectors), UNITS, 1) if cell.vectors else None
        self.U = None if cell.projection is None else self.draw(features, cell.operands * UNITS)
        self.old, self.a = self.state(BATCH), self.draw(self.taped, UNITS, BATCH)

    def draw(self, *shape: int) -> Array:
        return self.rng.uniform(0.1, 0.9, shape)

    def state(self, *rest: int) -> tuple[Array, ...]:
        return (self.draw(self.features, *rest), *(self.draw(UNITS, *rest) for _ in self.cell.state[1:]))

    def project(self, back: bool = False) -> Any:
        """What multiplies by the second product's matrix, of the shapes that fit it alone; None where there is none."""
        if self.U is None:
            return None
        matrix, operands = self.U.T if back else self.U, self.cell.operands

        def times(x: Any) -> Array:
            if not isinstance(x, np.ndarray) or x.shape[0] != matrix.shape[1] or x.ndim < 2:
                raise ValueError(f"{_name(self.cell)} must project blocks of {matrix.shape[1]} rows, got {np.shape(x)}")
            return np.tensordot(matrix, x, 1)

        if operands == 1:
            return times
        return to_blocks(times, operands) if back else of_blocks(times)

    @contextmanager
    def of(self, method: str) -> Iterator[None]:
        """An error of the cell's own lines says what npseq was doing."""
        try:
            with np.errstate(all="ignore"):
                yield
        except (NotImplementedError, np.linalg.LinAlgError):
            raise
        except Exception as error:
            if "item assignment" in str(error):
                error.add_note("a state is a tuple of arrays: write into them, new[0][...] = ...")
            shapes = f"H = {UNITS}, P = {self.features}, B = {BATCH}"
            error.add_note(
                f"npseq tried {_name(self.cell)}.{method} with {shapes}, before it makes a layer of the cell"
            )
            raise

    def must(self, holds: bool, method: str, what: str) -> None:
        if not holds:
            raise ValueError(f"{_name(self.cell)}.{method} must {what}")

    def forward(self) -> None:
        runs = [self._forward(fill, in_place=False) for fill in FILLS] + [self._forward(0, in_place=True)]
        for k, name in enumerate(self.cell.state):
            first, second, in_place = (run[1][k] for run in runs)
            self.must(
                _same(first, second),
                "forward",
                f"write all of the new {name}, new[{k}][...] = ..., from what it is given",
            )
            what = "read the old state before it writes the new one, which may be the same memory"
            self.must(_same(first, in_place), "forward", what)
        for name, first, second in zip((*self.blocks.names, *self.blocks.saved), runs[0][0], runs[1][0], strict=True):
            self.must(_same(first, second), "forward", f"write the block {name!r} of a before it reads it")
        self.a, self.new = runs[0]

    def _forward(self, fill: float, in_place: bool) -> tuple[Array, tuple[Array, ...]]:
        a, old = self.a.copy(), tuple(part.copy() for part in self.old)
        a[self.taped - len(self.cell.saved) :] = fill
        new = old if in_place else tuple(np.full_like(part, fill) for part in old)
        with self.of("forward"):
            self.cell.forward(a, old, new, self.p, self.project())
        self.must(in_place or all(map(_same, old, self.old)), "forward", "leave the old state as it is")
        return a, new

    def backward(self) -> None:
        if not has_own(self.cell, "backward"):
            return
        derivatives = [self._derivatives(fill) for fill in FILLS]
        if has_own(self.cell, "local_derivatives"):
            unwritten = [k for k, pair in enumerate(zip(*derivatives, strict=True)) if not _same(*pair)]
            what = f"write s[{', '.join(map(str, unwritten))}] of {self.cell.local}, or local must be fewer"
            self.must(not unwritten, "local_derivatives", what)
        dnew = self.state(2, BATCH)
        runs = [self._backward(derivatives[0], dnew, fill) for fill in FILLS]
        names = (*self.blocks.names, *self.cell.vectors)
        for k, (first, second) in enumerate(zip(runs[0][0], runs[1][0], strict=True)):
            hint = f"da[{k}][...] = ..." + (", or define vector_gradients" if k >= len(self.blocks.names) else "")
            self.must(
                _same(first, second), "backward", f"write the adjoint of {names[k]!r}, {hint}, from what it is given"
            )
        for k, name in enumerate(self.cell.state):
            self.must(
                _same(runs[0][1][k], runs[1][1][k]), "backward", f"return the adjoint of {name} from what it is given"
            )
            for lag in range(2):
                alone = self._backward(derivatives[0], tuple(part[:, lag] for part in dnew), FILLS[0])
                near = (runs[0][0][:, :, lag], alone[0]), (runs[0][1][k][:, lag], alone[1][k])
                what = "be right for any axes between H and B: index blocks and units only from the front"
                self.must(all(np.allclose(*pair, equal_nan=True) for pair in near), "backward", what)

    def _derivatives(self, fill: float) -> Any:
        if not has_own(self.cell, "local_derivatives"):
            return self.old, self.new
        s = np.full((self.cell.local, 1, UNITS, BATCH), fill)
        old, new = (tuple(part[None] for part in state) for state in (self.old, self.new))
        with self.of("local_derivatives"):
            self.cell.local_derivatives(self.a[:, None], old, new, s)
        return s[:, 0]

    def _backward(self, s: Any, dnew: State, fill: float) -> tuple[Array, list[Array]]:
        lagged = dnew[0].ndim == 3
        a, p = (None if x is None else x[..., None, :] if lagged else x for x in (self.a, self.p))
        if isinstance(s, tuple):
            s = tuple(tuple(part[:, None] if lagged else part for part in state) for state in s)
        elif lagged:
            s = s[..., None, :]
        da = np.full((len(self.blocks.names) + self.blocks.vectors, UNITS, *dnew[0].shape[1:]), fill)
        given = tuple(part.copy() for part in dnew)
        read = [part for state in s for part in state] if isinstance(s, tuple) else [s]
        before = self.a.copy(), *(np.copy(part) for part in read)
        with self.of("backward"):
            passed = self.cell.backward(given, a if self.cell.reads_gates else None, s, da, p, self.project(back=True))
        unchanged = map(_same, (*given, self.a, *read), (*dnew, *before))
        self.must(all(unchanged), "backward", "write on da alone, and leave dnew, a and s as they are")
        return da, self._passed(passed, dnew)

    def _passed(self, passed: Any, dnew: State) -> list[Array]:
        wanted = f"return a tuple of the adjoints of {', '.join(self.cell.state)}"
        hint = "" if isinstance(passed, tuple) else "; return (dh,), with the comma" * (len(dnew) == 1)
        fits = isinstance(passed, tuple) and len(passed) == len(dnew)
        self.must(fits, "backward", f"{wanted}, got {_kind(passed)}{hint}")
        for name, part, like in zip(self.cell.state, passed, dnew, strict=True):
            fits = getattr(part, "shape", None) == like.shape or (part is None and name == "h")
            what = f"{wanted}, that of {name} of the shape {like.shape}, got {_kind(part)}"
            self.must(fits, "backward", what + (" (only h's may be None)" if part is None else ""))
        return [np.zeros_like(like) if part is None else part for part, like in zip(passed, dnew, strict=True)]

    def vector_gradients(self) -> None:
        if not (self.cell.vectors and has_own(self.cell, "vector_gradients")):
            return
        da, old, new = (
            self.draw(len(self.blocks.names), UNITS, STEPS, BATCH),
            self.state(STEPS, BATCH),
            self.state(STEPS, BATCH),
        )
        with self.of("vector_gradients"):
            found: Any = self.cell.vector_gradients(da, old, new)
        wanted = f"return a gradient (H, T, B) for each of {', '.join(self.cell.vectors)}"
        fits = isinstance(found, tuple | list) and len(found) == len(self.cell.vectors)
        fits = fits and all(np.shape(one) == da.shape[1:] for one in found)
        self.must(fits, "vector_gradients", f"{wanted}, got {_kind(found)}")


def _same(first: Array, second: Array) -> bool:
    return np.array_equal(first, second, equal_nan=True)


def _kind(found: Any) -> str:
    if isinstance(found, tuple | list):
        return f"{type(found).__name__} of {len(found)}: {', '.join(map(_kind, found))}"
    return f"{type(found).__name__}" + (f" of the shape {found.shape}" if hasattr(found, "shape") else "")
