"""Tracing runs a cell's own lines once, with symbols in place of arrays, and returns them as a few kernels.

A symbol stands for a block (H, B), or for several blocks, one per gate. Like an array it can be sliced by gate, written
in place and unpacked, and like a view it shows what was written last. Every slot that can be written has a content, an
expression of what the arrays held at first. A matrix product cuts the trace in two: what it reads goes into the kernel
before it, everything else waits for the kernel after it. So a GRU whose reset gate acts after the product needs one
kernel per step. A mean or sum over units cuts it as well.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from npseq.gpu.program import (
    Expression,
    Kernel,
    MatrixProduct,
    Program,
    Reduction,
    Ref,
    Untraceable,
    apply,
    as_number,
    kernel_of,
)


class Slot:
    """A value that can be written: a block of an array, or an intermediate result, which has no ref."""

    def __init__(self, ref: Ref | None = None):
        self.ref = ref


class CellTrace:
    """One run of a method of a cell, all of whose arrays have this dtype; kernels: whether a program is made of it."""

    def __init__(self, dtype: Any, kernels: bool = True):
        self.dtype, self._kernels = np.dtype(dtype), kernels
        self._content: dict[Slot, Expression] = {}
        self._written: dict[Slot, None] = {}  # blocks whose content no kernel has stored yet
        self._stored: set[Ref] = set()  # blocks that kernels have overwritten
        self._saved: dict[Expression, Ref] = {}  # what kernels have computed, and the block that holds it
        self._by_gate: set[str] = set()
        self._steps: list[Kernel | MatrixProduct | Reduction] = []

    def array(self, name: str, gates: int | None = None) -> "Symbol":
        """Returns a symbol for an array of one block, or of one block per gate."""
        if gates is not None:
            self._by_gate.add(name)
        refs = [Ref(name)] if gates is None else [Ref(name, gate) for gate in range(gates)]
        slots = [Slot(ref) for ref in refs]
        self._content.update({slot: Expression("load", (slot.ref,)) for slot in slots})
        return Symbol(self, slots, gates is not None)

    def product(self, operand: "Symbol", blocks: int | None = None) -> "Symbol":
        """Traces the product of the cell's matrix with a block, or with adjacent blocks of one array side by side.

        blocks: how many the result has, which the symbol that is returned stands for; None is one, without an axis.
        """
        slots = _same_trace(self, operand)._slots
        ref = self._stored_as(slots[0]) if len(slots) == 1 else self._adjacent(slots)
        result = f"v{len(self._steps)}"
        self._steps.append(MatrixProduct(ref, result))
        return self.array(result, blocks)

    def reduction(self, op: str, operand: "Symbol") -> "Symbol":
        """Traces the "mean" or "sum" of a block over its units; without kernels it is an expression like others."""
        if not self._kernels:
            return operand._new([Expression(op, (self.content(operand),))], False)
        ref = self._stored_as(operand._slots[0])
        result = f"v{len(self._steps)}"
        self._steps.append(Reduction(op, ref, result))
        return self.array(result)

    def _stored_as(self, slot: Slot) -> Ref:
        """The block that holds this content, of a new array where there is none."""
        ref = self._block_of(slot)
        if ref is None:
            ref = Ref(f"m{len(self._steps)}")
            self._emit({ref: self._content[slot]}, self._subexpressions(self._content[slot]))
        return ref

    def _adjacent(self, slots: Sequence[Slot]) -> Ref:
        """The blocks of an array in which these contents are stored, as one."""
        refs = [slot.ref for slot in slots]
        first = refs[0]
        if first is None or refs != [Ref(first.array, first.gate + k) for k in range(len(refs))]:
            raise Untraceable("a cell must hand adjacent blocks of one array to project, a slice of a")
        self._emit({}, set().union(*(self._subexpressions(self._content[slot]) for slot in slots)))
        return Ref(first.array, slice(first.gate, first.gate + len(refs)))

    def finish(self, results: "Iterable[Symbol | None]") -> Program:
        """Returns the program, given what the method returned."""
        refs: list[Ref | None] = []
        created: dict[Ref, Expression] = {}
        for k, result in enumerate(results):
            ref = None
            if result is not None:
                (slot,) = _same_trace(self, result)._slots
                ref = self._block_of(slot)
                if ref is None:
                    ref = Ref(f"r{k}")
                    created[ref] = self._content[slot]
            refs.append(ref)
        self._emit(created, None)
        return Program(tuple(self._steps), tuple(refs))

    def content(self, symbol: "Symbol") -> Expression:
        """What one block holds."""
        (slot,) = _same_trace(self, symbol)._slots
        return self.expression(slot)

    def expression(self, value: Any) -> Expression:
        """The content of a slot, or a number as a constant."""
        if isinstance(value, Slot):
            if value not in self._content:
                raise Untraceable("a cell must not read what it has not written yet")
            return self._content[value]
        if isinstance(value, np.generic) and np.result_type(value, self.dtype) != self.dtype:
            raise Untraceable(f"a number of a cell must not widen {self.dtype}, got {value!r} of {value.dtype}")
        if isinstance(value, bool | int | float | np.bool_ | np.integer | np.floating):
            return Expression("constant", (float(value),))
        raise Untraceable(f"a cell must compute with its arrays and real numbers, got {type(value).__name__}: {value}")

    def write(self, slot: Slot, value: Expression) -> None:
        self._content[slot] = as_number(value)
        if slot.ref is not None:
            self._written[slot] = None

    def _block_of(self, slot: Slot) -> Ref | None:
        """The block of an array that already holds this slot's content, or None."""
        content = self._content[slot]
        if content.op != "load":
            return None
        ref = content.args[0]
        waiting = any(other.ref == ref for other in self._written)
        return None if waiting or ref in self._stored else ref

    def _subexpressions(self, whole: Expression) -> set[Expression]:
        """The expressions that one consists of, and the one itself."""
        found, waiting = set(), [whole]
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += [arg for arg in one.args if isinstance(arg, Expression)]
        return found

    def _emit(self, created: dict[Ref, Expression], needed: set[Expression] | None) -> None:
        """Appends a kernel that stores `created` and those written blocks that are `needed`; None is all."""
        waiting = {slot: self._content[slot] for slot in self._written}
        now = [slot for slot, x in waiting.items() if needed is None or (x in needed and x.op != "load")]
        over = {slot.ref for slot in now}  # a copy of what this kernel overwrites cannot wait
        now += [slot for slot, x in waiting.items() if slot not in now and x.op == "load" and x.args[0] in over]
        stores: dict[Any, Expression] = {**created, **{slot.ref: waiting[slot] for slot in now}}
        for slot in now:
            del self._written[slot]
        if not stores:
            return
        names = tuple(ref.array for ref in created)
        self._steps.append(kernel_of(stores, names, self.readable, self._by_gate.__contains__))
        self._stored |= stores.keys() - created.keys()
        self._saved = {value: ref for value, ref in self._saved.items() if ref not in stores}
        self._saved.update({value: ref for ref, value in stores.items() if value.op not in ("load", "constant")})

    def readable(self, value: Expression) -> Expression:
        """The same value as the next kernel can read it: loaded if an earlier kernel computed it."""
        if value in self._saved:
            return Expression("load", (self._saved[value],))
        if value.op == "load" and value.args[0] in self._stored:
            raise Untraceable(f"{value.args[0]} is read after a product, but was written over before it")
        return value


class Symbol(NDArrayOperatorsMixin):
    """Stands for an array (H, B), or (gates, H, B), while a cell runs. A CellTrace creates it."""

    def __init__(self, trace: CellTrace, slots: Sequence[Slot], by_gate: bool):
        self._trace, self._slots, self._by_gate = trace, list(slots), by_gate

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(bool) if self._trace.expression(self._slots[0]).truth else self._trace.dtype

    @property
    def real(self) -> "Symbol":
        return self

    def mean(self, axis: Any = None, keepdims: bool = False) -> "Symbol":
        """The mean over units, (1, B) of (H, B)."""
        return self._reduced("mean", axis, keepdims)

    def sum(self, axis: Any = None, keepdims: bool = False) -> "Symbol":
        """The sum over units, (1, B) of (H, B)."""
        return self._reduced("sum", axis, keepdims)

    def _reduced(self, op: str, axis: Any, keepdims: bool) -> "Symbol":
        if self._by_gate or axis != 0 or keepdims is not True:
            raise Untraceable(
                f"a cell may take the {op} of one block over its units, .{op}(axis=0, keepdims=True), "
                f"got axis={axis!r} and keepdims={keepdims!r} of a {self}"
            )
        return self._trace.reduction(op, self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise Untraceable(f"no kernel has .{name} of an array: a cell that is not entry by entry needs fused = False")

    def __len__(self) -> int:
        if not self._by_gate:
            raise Untraceable("the length of a block is not known while a cell is traced")
        return len(self._slots)

    def __iter__(self) -> "Iterator[Symbol]":
        return iter([self[gate] for gate in range(len(self))])

    def __getitem__(self, key: Any) -> "Symbol":
        if key is Ellipsis:
            return self
        if self._by_gate and isinstance(key, int | np.integer):
            return Symbol(self._trace, [self._slots[key]], False)
        if self._by_gate and isinstance(key, slice):
            return Symbol(self._trace, self._slots[key], True)
        raise Untraceable(f"a cell may take gates and slices of gates, got [{key!r}] of a {self}")

    def __setitem__(self, key: Any, value: Any) -> None:
        _write(self[key], _contents(value, self._trace))

    def astype(self, dtype: Any, copy: bool = True) -> "Symbol":
        """Returns the same values; a truth becomes 0 or 1."""
        if np.dtype(dtype) != self._trace.dtype:
            raise Untraceable(f"a cell must keep to {self._trace.dtype}, got astype({dtype})")
        return self._new([as_number(self._trace.expression(slot)) for slot in self._slots], self._by_gate)

    def copy(self) -> "Symbol":
        return self._new([self._trace.expression(slot) for slot in self._slots], self._by_gate)

    def __pow__(self, exponent: Any) -> Any:
        """The square, which is what NumPy computes for x ** 2."""
        return np.square(self) if isinstance(exponent, int) and exponent == 2 else super().__pow__(exponent)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> "Symbol":
        if method != "__call__" or options:
            raise Untraceable(f"no kernel has {ufunc.__name__}.{method} with {sorted(options)}")
        return self._apply(ufunc.__name__, inputs, None if out is None else out[0])

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function is np.where and len(args) == 3 and not kwargs:
            return self._apply("where", args, None)
        if function is np.copyto and len(args) == 2 and not kwargs:
            return _write(args[0], _contents(args[1], self._trace))
        raise Untraceable(f"no kernel has numpy.{function.__name__} with {len(args)} arguments and {sorted(kwargs)}")

    def _apply(self, name: str, inputs: Sequence[Any], out: "Symbol | None") -> "Symbol":
        rows = [_contents(value, self._trace) for value in inputs]
        width = max(map(len, rows))
        if any(len(row) not in (1, width) for row in rows):
            raise Untraceable(f"{name} of {' and '.join(str(len(row)) for row in rows)} gates")
        columns = zip(*(row * width if len(row) == 1 else row for row in rows), strict=True)
        values = [apply(name, column) for column in columns]
        if out is None:
            return self._new(values, any(isinstance(value, Symbol) and value._by_gate for value in inputs))
        _write(out, values)
        return out

    def _new(self, values: Sequence[Expression], by_gate: bool) -> "Symbol":
        slots = [Slot() for _ in values]
        self._trace._content.update(zip(slots, values, strict=True))
        return Symbol(self._trace, slots, by_gate)

    def __repr__(self) -> str:
        return f"symbol of {len(self._slots)} gates" if self._by_gate else "symbol of one block"


def _contents(value: Any, trace: CellTrace) -> list[Expression]:
    if isinstance(value, Symbol):
        return [trace.expression(slot) for slot in _same_trace(trace, value)._slots]
    return [trace.expression(value)]


def _write(target: Any, values: list[Expression]) -> None:
    if not isinstance(target, Symbol):
        raise Untraceable(f"a cell must write on its own arrays, got {type(target).__name__}")
    slots = target._slots
    if len(values) not in (1, len(slots)):
        raise Untraceable(f"{len(values)} gates cannot be written on a {target}")
    for slot, value in zip(slots, values * len(slots) if len(values) == 1 else values, strict=True):
        target._trace.write(slot, value)


def _same_trace(trace: CellTrace, symbol: Any) -> Symbol:
    if not isinstance(symbol, Symbol) or symbol._trace is not trace:
        raise Untraceable(f"a cell must compute with its own arrays, got {symbol!r}")
    return symbol
