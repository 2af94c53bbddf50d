"""A trace consists of expressions and becomes a program: kernels and matrix products in order."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from npseq.gpu.operations import OF_TRUTHS, OPERATIONS, SAME


class Untraceable(TypeError):
    """A cell does something that no kernel can hold."""


class Ref(NamedTuple):
    """A block of an array: its gate, or None if the array is one block; of a product, also a slice of gates."""

    array: str
    gate: Any = None


class Expression(NamedTuple):
    """An operation and its arguments: a Ref for "load", a number for "constant", expressions for every other one."""

    op: str
    args: tuple[Any, ...]

    @property
    def truth(self) -> bool:
        return self.op in OPERATIONS and OPERATIONS[self.op].truth


class Assignment(NamedTuple):
    """An expression as a variable of a kernel; args are the numbers of earlier variables."""

    op: str
    args: tuple[Any, ...]


class Kernel(NamedTuple):
    """One pass over all entries: first the assignments, which read, then the stores."""

    arrays: tuple[str, ...]
    by_gate: frozenset[str]  # those whose first axis is the gates
    created: tuple[str, ...]  # those that the kernel allocates
    assignments: tuple[Assignment, ...]
    stores: tuple[tuple[Ref, int], ...]


class MatrixProduct(NamedTuple):
    """The matrix times `operand`; the result is an array of this name."""

    operand: Ref
    result: str


class Reduction(NamedTuple):
    """The "mean" or "sum" of `operand` over its units; the result (1, B) is an array of this name."""

    op: str
    operand: Ref
    result: str


class Program(NamedTuple):
    """What a method of a cell does, in order, and what it returns."""

    steps: tuple[Kernel | MatrixProduct | Reduction, ...]
    results: tuple[Ref | None, ...]


def as_number(value: Expression) -> Expression:
    """A truth as 0 or 1."""
    return Expression("number", (value,)) if value.truth else value


def apply(name: str, args: Sequence[Expression]) -> Expression:
    """Applies an operation by NumPy's name. Raises Untraceable if no kernel has it."""
    name = SAME.get(name, name)
    if name not in OPERATIONS:
        raise Untraceable(f"no kernel has the operation {name}; there are {', '.join(OPERATIONS)}")
    truths = OF_TRUTHS.get(name, 0)
    if not all(arg.truth for arg in args[:truths]):
        raise Untraceable(f"{name} must be of what a comparison gave")
    return Expression(name, (*args[:truths], *map(as_number, args[truths:])))


def kernel_of(
    stores: dict[Ref, Expression],
    created: tuple[str, ...],
    readable: Callable[[Expression], Expression],
    by_gate: Callable[[str], bool],
) -> Kernel:
    """Puts expressions in order, each once. readable: an expression as the kernel can read it."""
    order: dict[Expression, int] = {}
    assignments: list[Assignment] = []

    def variable(value: Expression) -> int:
        if value not in order:
            read = readable(value)
            args = tuple(variable(arg) if isinstance(arg, Expression) else arg for arg in read.args)
            order[value] = len(assignments)
            assignments.append(Assignment(read.op, args))
        return order[value]

    numbered = tuple((ref, variable(value)) for ref, value in stores.items())
    loads = [assignment.args[0].array for assignment in assignments if assignment.op == "load"]
    arrays = tuple(dict.fromkeys([*loads, *(ref.array for ref in stores)]))
    return Kernel(arrays, frozenset(filter(by_gate, arrays)), created, tuple(assignments), numbered)
