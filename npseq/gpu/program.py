"""What a trace is made of, expressions, and what it becomes: kernels and products in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from npseq.gpu.operations import OF_TRUTHS, OPERATIONS, SAME


class Untraceable(TypeError):
    """A cell does something that no kernel can be made of."""


class Ref(NamedTuple):
    """A block of an array: its gate, or None where the array is one block."""

    array: str
    gate: int | None = None


class Node(NamedTuple):
    """An expression. op "load" has a Ref for its argument, "constant" a number, every other one nodes."""

    op: str
    args: tuple

    @property
    def truth(self) -> bool:
        return self.op in OPERATIONS and OPERATIONS[self.op].truth


class Assignment(NamedTuple):
    """Variable number k of a kernel, k its place in the list; args are numbers of variables before it."""

    op: str
    args: tuple


class Kernel(NamedTuple):
    """One pass over all entries: first the assignments, which read, then the stores."""

    arrays: tuple[str, ...]
    by_gate: frozenset[str]  # those with an axis of gates in front
    made: tuple[str, ...]  # those that come into being here
    assignments: tuple[Assignment, ...]
    stores: tuple[tuple[Ref, int], ...]


class Product(NamedTuple):
    """The matrix times `operand`; the result is an array of this name."""

    operand: Ref
    result: str


class Program(NamedTuple):
    """What a method of a cell does, in order, and what it returns."""

    steps: tuple[Kernel | Product, ...]
    results: tuple[Ref | None, ...]


def number(node: Node) -> Node:
    """A truth as 0 or 1."""
    return Node("number", (node,)) if node.truth else node


def expression(name: str, args: Sequence[Node]) -> Node:
    """An operation by NumPy's name. Raises Untraceable for one that no kernel has."""
    name = SAME.get(name, name)
    if name not in OPERATIONS:
        raise Untraceable(f"no kernel has the operation {name}; there are {', '.join(OPERATIONS)}")
    truths = OF_TRUTHS.get(name, 0)
    if not all(arg.truth for arg in args[:truths]):
        raise Untraceable(f"{name} must be of what a comparison gave")
    return Node(name, (*args[:truths], *map(number, args[truths:])))
