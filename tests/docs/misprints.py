"""Every equation as it might be misprinted, in one place.

A sign turned; a factor, a term, a power, a prime, a function or a transpose lost; a number, a reckoned index or a whole
letter replaced by another.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mathematics import Equation, Node

TURNED = {"+": "-", "-": "+", "*": "/", "/": "*"}
LOST = ("minus", "power", "transposed", "norm")
FAILURES = (AssertionError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError)


def misprints(equation: Equation, sides: slice = slice(None)) -> Iterator[Equation]:
    """One change each, anywhere in these sides. Where one side is 0, the sign of the whole says nothing."""
    zero = Node("number", (0,))
    for place in range(*sides.indices(len(equation.sides))):
        side = equation.sides[place]
        turned = [] if zero in equation.sides else [Node("minus", (side,))]
        for changed in (*turned, *changes(side), *_exchanged(side, list(names_in(side)))):
            whole = (*equation.sides[:place], changed, *equation.sides[place + 1 :])
            yield equation._replace(sides=whole)


def names_in(node: Node) -> Iterator[Node]:
    if node.kind == "name":
        yield node
    else:
        for part in node.parts:
            if isinstance(part, Node):
                yield from names_in(part)


def _exchanged(node: Node, letters: list[Node]) -> Iterator[Node]:
    """A name replaced by the first other one of the same side."""
    if node.kind == "name":
        yield from [other for other in letters if other != node][:1]
        return
    for k, part in enumerate(node.parts):
        if isinstance(part, Node):
            for changed in _exchanged(part, letters):
                yield Node(node.kind, (*node.parts[:k], changed, *node.parts[k + 1 :]))


def changes(node: Node) -> Iterator[Node]:
    kind, parts = node
    if kind in TURNED:
        yield Node(TURNED[kind], parts)
    if kind in ("beside", *TURNED):
        yield from (part for part in parts if part.kind != "number" or kind in "+-" or part.parts[0] != 1)
    if kind in LOST or (kind in ("call", "apply") and len(parts) == 2):
        yield parts[-1] if kind in ("call", "apply") else parts[0]
    if kind == "number":
        yield Node("number", (parts[0] + 1,))
    if kind == "name":
        yield from _changed_name(*parts)
        return
    for k, part in enumerate(parts):
        if isinstance(part, Node):
            for changed in changes(part):
                yield Node(kind, (*parts[:k], changed, *parts[k + 1 :]))


def _changed_name(base: str, above: str, exponent: Any, below: str, indices: tuple[Node, ...]) -> Iterator[Node]:
    """A prime or a power lost, an index that is reckoned changed; a subscript that is part of the name stays."""
    if base.endswith("'"):
        yield Node("name", (base[:-1], above, exponent, below, indices))
    if exponent and (exponent.kind != "name"):
        yield Node("name", (base, "", None, below, indices))
        for changed in changes(exponent):
            yield Node("name", (base, above, changed, below, indices))
    for k, index in enumerate(indices):
        if index.kind in TURNED:
            for changed in changes(index):
                yield Node("name", (base, above, exponent, below, (*indices[:k], changed, *indices[k + 1 :])))


def survivors(equation: Equation, check: Callable[[Equation], None], sides: slice = slice(None)) -> list[Equation]:
    """The misprints that check does not see."""
    unseen = []
    for wrong in misprints(equation, sides):
        try:
            check(wrong)
        except FAILURES:
            continue
        unseen.append(wrong)
    return unseen


def assert_no_misprint_passes(equation: Equation, check: Callable[[Equation], None]) -> None:
    check(equation)
    for wrong in survivors(equation, check):
        pytest.fail(f"{equation.text}: misprinted, it passes as {wrong.sides}")
