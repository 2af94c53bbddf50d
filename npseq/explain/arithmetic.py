"""Arithmetic in 50 decimal digits, a row of numbers at a time, as somebody with a pocket calculator does it."""

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Any

from npseq.diagnosis.graph import Graph

Rows = list[Decimal]  # one number a unit
PRECISION = Context(prec=50, rounding=ROUND_HALF_UP)
ZERO, ONE = Decimal(0), Decimal(1)


def sigmoid(x: Decimal) -> Decimal:
    return ONE / (ONE + (-x).exp())


def tanh(x: Decimal) -> Decimal:
    e = (2 * x).exp()
    return (e - 1) / (e + 1)


def sine(x: Decimal) -> Decimal:
    """By the series, in as many more digits as its largest term has."""
    with localcontext(prec=PRECISION.prec + int(abs(x)) + 5):
        term, total, k = x, ZERO, 1
        while total + term != total:
            total += term
            term *= -x * x / ((k + 1) * (k + 2))
            k += 2
    return +total


def cosine(x: Decimal) -> Decimal:
    """1 - 2 sin(x / 2)^2."""
    with localcontext(prec=PRECISION.prec + 5):
        half = sine(x / 2)
        found = ONE - 2 * half * half
    return +found


FUNCTIONS: dict[str, Callable[..., Decimal]] = {
    "same": lambda x: x,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "exp": lambda x: x.exp(),
    "cos": cosine,
    "sin": sine,
    "relu": lambda x: max(x, ZERO),
    "dtanh": lambda y: ONE - y * y,
    "dsigmoid": lambda y: y * (ONE - y),
    "drelu": lambda y: ONE if y > 0 else ZERO,
    "divide": lambda x, y: x / y,
    "reciprocal": lambda x: ONE / x,
    "sqrt": lambda x: x.sqrt(),
    "square": lambda x: x * x,
    "maximum": max,
    "minimum": min,
    "greater": lambda x, y: Decimal(x > y),
    "greater_equal": lambda x, y: Decimal(x >= y),
    "less": lambda x, y: Decimal(x < y),
    "less_equal": lambda x, y: Decimal(x <= y),
    "equal": lambda x, y: Decimal(x == y),
    "not_equal": lambda x, y: Decimal(x != y),
    "where": lambda truth, x, y: x if truth else y,
    "number": lambda x: x,
}


def evaluated(graph: Graph, name: str, rows: Mapping[str, Rows], matrices: Mapping[str, list[Rows]]) -> Rows:
    """The numbers of a named line, from those of the names that it reads.

    Args:
        graph: whose line.
        name: of the line.
        rows: {name: a number a unit}.
        matrices: {name: rows of numbers}.

    Raises:
        TypeError: for an operation that a calculator does not have.
    """
    called = {node: known for known, node in reversed(graph.names.items()) if known in rows}

    def value(node: int, top: bool = False) -> Any:
        if node in called and not top:
            return rows[called[node]]
        op, args = graph.nodes[node]
        if op == "leaf":
            return rows[args[0]]
        if op == "constant":
            return Decimal(repr(args[0]))
        if op == "sum":
            return _pointwise(lambda *x: sum(x, ZERO), [_scaled(weight, value(part)) for weight, part in args])
        if op in ("times", "product_of"):
            return _product(value(args[1]), matrices[args[0]], op == "times")
        inside = [value(part) for part in graph.below(node)]
        if op == "product":
            return _pointwise(_multiplied, inside)
        if op in ("mean", "total"):
            (units,) = inside
            return [sum(units, ZERO) / (len(units) if op == "mean" else 1)] * len(units)
        if op not in FUNCTIONS:
            raise TypeError(f"a worked example cannot hold the operation {op}")
        return _pointwise(FUNCTIONS[op], inside)

    with localcontext(PRECISION):
        found = value(graph.names[name], top=True)
    return found if isinstance(found, list) else [found]


def rounded(x: Decimal, digits: int | None) -> Decimal:
    """A number with so many digits after the point, half away from zero; all of them where None."""
    if digits is None:
        return x
    found = x.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return found or abs(found)  # no minus before a zero


def summed(pairs: list[tuple[Rows | None, Rows]]) -> list[Rows] | Rows:
    """The sum over steps of operand times adjoint, a row an operand's entry; of the adjoints alone where it is None."""
    with localcontext(PRECISION):
        if pairs[0][0] is None:
            return [sum(column, ZERO) for column in zip(*(adjoint for _, adjoint in pairs), strict=True)]
        sizes = range(len(pairs[0][0])), range(len(pairs[0][1]))
        return [
            [sum((operand[i] * adjoint[j] for operand, adjoint in pairs if operand), ZERO) for j in sizes[1]]
            for i in sizes[0]
        ]


def _scaled(weight: float, x: Any) -> Any:
    factor = Decimal(repr(weight))
    return [factor * entry for entry in x] if isinstance(x, list) else factor * x


def _multiplied(*factors: Decimal) -> Decimal:
    found = ONE
    for factor in factors:
        found *= factor
    return found


def _pointwise(function: Callable[..., Decimal], inside: list[Any]) -> Any:
    units = max((len(x) for x in inside if isinstance(x, list)), default=0)
    if not units:
        return function(*inside)
    return [function(*(x[k] if isinstance(x, list) else x for x in inside)) for k in range(units)]


def _product(row: Rows, matrix: list[Rows], transposed: bool) -> Rows:
    columns = matrix if transposed else [list(column) for column in zip(*matrix, strict=True)]
    return [sum((x * w for x, w in zip(row, column, strict=True)), ZERO) for column in columns]
