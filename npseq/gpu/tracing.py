"""A cell's own lines, run once with symbols in place of arrays: what they compute, as the assignments of a few kernels.

A symbol stands for a block (H, B), or for several of them, a gate each. Like an array it can be sliced by gate, written
in place and unpacked, and like a view it shows what was written last. Every place that can be written has a content, an
expression of what the arrays held at first; a product with a matrix cuts the trace in two. What the product reads goes
into the kernel before it, all else waits for the one after it: a GRU whose reset gate acts after the product has one
kernel a step for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from npseq.gpu.program import Assignment, Kernel, Node, Product, Program, Ref, Untraceable, expression, number


class Place:
    """Something that can be written: a block of an array, or a number on the way, which has no name."""

    def __init__(self, ref: Ref | None = None):
        self.ref = ref


class Trace:
    """The run of one method. dtype: of every array in it."""

    def __init__(self, dtype: Any):
        self.dtype = np.dtype(dtype)
        self._content: dict[Place, Node] = {}
        self._written: dict[Place, None] = {}  # blocks whose content no kernel has stored yet
        self._stored: set[Ref] = set()  # blocks that kernels have written over
        self._kept: dict[Node, Ref] = {}  # what kernels have computed, and where it can be read again
        self._by_gate: set[str] = set()
        self._steps: list[Kernel | Product] = []

    def array(self, name: str, gates: int | None = None) -> Symbol:
        """A symbol for an array, one block or a block for each of so many gates."""
        if gates is not None:
            self._by_gate.add(name)
        refs = [Ref(name)] if gates is None else [Ref(name, gate) for gate in range(gates)]
        places = [Place(ref) for ref in refs]
        self._content.update({place: Node("load", (place.ref,)) for place in places})
        return Symbol(self, places, gates is not None)

    def product(self, operand: Symbol) -> Symbol:
        """What a cell calls `second`."""
        (place,) = _same_trace(self, operand)._places
        ref = self._as_it_lies(place)
        if ref is None:
            ref = Ref(f"m{len(self._steps)}")
            self._emit({ref: self._content[place]}, self._part_of(self._content[place]))
        result = f"v{len(self._steps)}"
        self._steps.append(Product(ref, result))
        return self.array(result)

    def finish(self, results: Iterable[Symbol | None]) -> Program:
        """The program; results: what the method returned."""
        refs: list[Ref | None] = []
        made: dict[Ref, Node] = {}
        for k, result in enumerate(results):
            ref = None
            if result is not None:
                (place,) = _same_trace(self, result)._places
                ref = self._as_it_lies(place)
                if ref is None:
                    ref = Ref(f"r{k}")
                    made[ref] = self._content[place]
            refs.append(ref)
        self._emit(made, None)
        return Program(tuple(self._steps), tuple(refs))

    def node(self, value: Any) -> Node:
        """A place's content, or a number."""
        if isinstance(value, Place):
            if value not in self._content:
                raise Untraceable("a cell must not read what it has not written yet")
            return self._content[value]
        if isinstance(value, np.generic) and np.result_type(value, self.dtype) != self.dtype:
            raise Untraceable(f"a number of a cell must not widen {self.dtype}, got {value!r} of {value.dtype}")
        if isinstance(value, bool | int | float | np.bool_ | np.integer | np.floating):
            return Node("constant", (float(value),))
        raise Untraceable(f"a cell must compute with its arrays and real numbers, got {type(value).__name__}: {value}")

    def write(self, place: Place, node: Node) -> None:
        self._content[place] = number(node)
        if place.ref is not None:
            self._written[place] = None

    def _as_it_lies(self, place: Place) -> Ref | None:
        """Where an array holds this place's content already: the array's block can be handed on."""
        node = self._content[place]
        if node.op != "load":
            return None
        ref = node.args[0]
        waiting = any(other.ref == ref for other in self._written)
        return None if waiting or ref in self._stored else ref

    def _part_of(self, node: Node) -> set[Node]:
        """The expressions that a node is made of, itself among them."""
        found, waiting = set(), [node]
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += [arg for arg in one.args if isinstance(arg, Node)]
        return found

    def _emit(self, made: dict[Ref, Node], part: set[Node] | None) -> None:
        """A kernel that stores `made` and of the blocks written those that are a part of it; None: all."""
        stores = dict(made)
        for place in list(self._written):
            node = self._content[place]
            if part is None or (node in part and node.op != "load"):
                assert place.ref is not None
                stores[place.ref] = node
                del self._written[place]
        if not stores:
            return
        self._steps.append(_kernel(stores, tuple(ref.array for ref in made), self))
        self._stored |= stores.keys() - made.keys()
        self._kept = {node: ref for node, ref in self._kept.items() if ref not in stores}
        self._kept.update({node: ref for ref, node in stores.items() if node.op not in ("load", "constant")})

    def readable(self, node: Node) -> Node:
        """The same value as something that a kernel can start from now, where earlier ones computed it."""
        if node in self._kept:
            return Node("load", (self._kept[node],))
        if node.op == "load" and node.args[0] in self._stored:
            raise Untraceable(f"{node.args[0]} is read after a product, but was written over before it")
        return node

    def is_by_gate(self, array: str) -> bool:
        return array in self._by_gate


def _kernel(stores: dict[Ref, Node], made: tuple[str, ...], trace: Trace) -> Kernel:
    """Puts expressions in order, each once."""
    order: dict[Node, int] = {}
    assignments: list[Assignment] = []

    def variable(node: Node) -> int:
        if node not in order:
            now = trace.readable(node)
            args = tuple(variable(arg) if isinstance(arg, Node) else arg for arg in now.args)
            order[node] = len(assignments)
            assignments.append(Assignment(now.op, args))
        return order[node]

    found = tuple((ref, variable(node)) for ref, node in stores.items())
    loads = [assignment.args[0].array for assignment in assignments if assignment.op == "load"]
    arrays = tuple(dict.fromkeys([*loads, *(ref.array for ref in stores)]))
    return Kernel(arrays, frozenset(filter(trace.is_by_gate, arrays)), made, tuple(assignments), found)


class Symbol(NDArrayOperatorsMixin):
    """Stands for an array (H, B), or (gates, H, B), while a cell runs. Made by a Trace."""

    def __init__(self, trace: Trace, places: Sequence[Place], by_gate: bool):
        self._trace, self._places, self._by_gate = trace, list(places), by_gate

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(bool) if self._trace.node(self._places[0]).truth else self._trace.dtype

    @property
    def real(self) -> Symbol:
        return self

    def __len__(self) -> int:
        if not self._by_gate:
            raise Untraceable("the length of a block is not known while a cell is traced")
        return len(self._places)

    def __iter__(self) -> Iterator[Symbol]:
        return iter([self[gate] for gate in range(len(self))])

    def __getitem__(self, key: Any) -> Symbol:
        if key is Ellipsis:
            return self
        if self._by_gate and isinstance(key, int | np.integer):
            return Symbol(self._trace, [self._places[key]], False)
        if self._by_gate and isinstance(key, slice):
            return Symbol(self._trace, self._places[key], True)
        raise Untraceable(f"a cell may take gates and slices of gates, got [{key!r}] of a {self}")

    def __setitem__(self, key: Any, value: Any) -> None:
        _write(self[key], _contents(value, self._trace))

    def astype(self, dtype: Any, copy: bool = True) -> Symbol:
        """The same dtype, or a truth as numbers of it."""
        if np.dtype(dtype) != self._trace.dtype:
            raise Untraceable(f"a cell must keep to {self._trace.dtype}, got astype({dtype})")
        return self._made([number(self._trace.node(place)) for place in self._places], self._by_gate)

    def copy(self) -> Symbol:
        return self._made([self._trace.node(place) for place in self._places], self._by_gate)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Symbol:
        if method != "__call__" or options:
            raise Untraceable(f"no kernel has {ufunc.__name__}.{method} with {sorted(options)}")
        return self._apply(ufunc.__name__, inputs, None if out is None else out[0])

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function is np.where and len(args) == 3 and not kwargs:
            return self._apply("where", args, None)
        if function is np.copyto and len(args) == 2 and not kwargs:
            return _write(args[0], _contents(args[1], self._trace))
        raise Untraceable(f"no kernel has numpy.{function.__name__} with {len(args)} arguments and {sorted(kwargs)}")

    def _apply(self, name: str, inputs: Sequence[Any], out: Symbol | None) -> Symbol:
        rows = [_contents(value, self._trace) for value in inputs]
        width = max(map(len, rows))
        if any(len(row) not in (1, width) for row in rows):
            raise Untraceable(f"{name} of {' and '.join(str(len(row)) for row in rows)} gates")
        columns = zip(*(row * width if len(row) == 1 else row for row in rows), strict=True)
        nodes = [expression(name, column) for column in columns]
        if out is None:
            return self._made(nodes, any(isinstance(value, Symbol) and value._by_gate for value in inputs))
        _write(out, nodes)
        return out

    def _made(self, nodes: Sequence[Node], by_gate: bool) -> Symbol:
        places = [Place() for _ in nodes]
        self._trace._content.update(zip(places, nodes, strict=True))
        return Symbol(self._trace, places, by_gate)

    def __repr__(self) -> str:
        return f"symbol of {len(self._places)} gates" if self._by_gate else "symbol of one block"


def _contents(value: Any, trace: Trace) -> list[Node]:
    if isinstance(value, Symbol):
        return [trace.node(place) for place in _same_trace(trace, value)._places]
    return [trace.node(value)]


def _write(target: Any, nodes: list[Node]) -> None:
    if not isinstance(target, Symbol):
        raise Untraceable(f"a cell must write on its own arrays, got {type(target).__name__}")
    if len(nodes) not in (1, len(target._places)):
        raise Untraceable(f"{len(nodes)} gates cannot be written on a {target}")
    for place, node in zip(target._places, nodes * len(target._places) if len(nodes) == 1 else nodes, strict=True):
        target._trace.write(place, node)


def _same_trace(trace: Trace, symbol: Any) -> Symbol:
    if not isinstance(symbol, Symbol) or symbol._trace is not trace:
        raise Untraceable(f"a cell must compute with its own arrays, got {symbol!r}")
    return symbol
