"""The lines of an exercise as a graph of expressions, which can be evaluated, changed by a slip and printed."""

import ast
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np

from npseq.diagnosis.graph import Graph

Arrays = dict[str, np.ndarray]


def sigmoid(x: Any) -> Any:
    return 0.5 + 0.5 * np.tanh(0.5 * x)


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "exp": np.exp,
    "log": np.log,
    "sign": np.sign,
    "drelu": lambda y: (y > 0) * 1.0,
    "dtanh": lambda y: 1 - y * y,
    "dsigmoid": lambda y: y - y * y,
    "T": lambda x: x.T,
    "diagonal": lambda x: np.diag(x),
    "inverse": np.linalg.inv,
}
PARTS = {"total": 1, "one": 1, "term": 2}  # how many arguments are nodes, the others being axes and places
OPERATORS = {ast.Mult: "multiply", ast.Div: "divide", ast.Add: "add", ast.Sub: "subtract", ast.MatMult: "matmul"}


class Lines(Graph):
    """A graph with matrix products, transposes, sums over an axis and parts of arrays.

    Example:
        >>> from npseq.learn.expressions import Lines
        >>> lines = Lines()
        >>> lines.text(lines.read("x.T @ (dh_new * (1 - h_new**2))"))
        'x.T @ (dh_new * (1 - h_new**2))'
    """

    def read(self, text: str) -> int:
        """The node of an expression of Python. Raises LookupError for what an exercise does not use."""
        return self._read(ast.parse(text, mode="eval").body)

    def _read(self, tree: ast.AST) -> int:
        match tree:
            case ast.BinOp(left, op, right) if type(op) in OPERATORS:
                return self.binary(OPERATORS[type(op)], self._read(left), self._read(right))
            case ast.BinOp(left, ast.Pow(), ast.Constant(2)):
                return self.product(*2 * [self._read(left)])
            case ast.UnaryOp(ast.USub(), operand):
                return self.sum((-1, self._read(operand)))
            case ast.Constant(float() | int() as value):
                return self.constant(value)
            case ast.Name(name):
                return self.leaf(name)
            case ast.Subscript(ast.Name(name), part):
                return self.leaf(f"{name}[{ast.unparse(part).strip('()')}]")
            case ast.Attribute(array, "T"):
                return self.add("T", self._read(array))
            case ast.Call(ast.Attribute(array, "sum"), [], keywords):
                given = {word.arg: ast.literal_eval(word.value) for word in keywords}
                return self.add("total", self._read(array), given["axis"], given.get("keepdims", False))
            case ast.Call(ast.Name(function), [argument]) if function in FUNCTIONS:
                return self.add(function, self._read(argument))
        raise LookupError(f"an exercise cannot hold {ast.unparse(tree)!r}")

    def binary(self, name: str, left: int, right: int) -> int:
        """A sum, a product, a quotient or a matrix product of two nodes."""
        match name:
            case "multiply":
                return self.product(left, right)
            case "divide":
                return self.product(left, self.add("invert", right))
            case "matmul":
                return self.add("matmul", left, right)
        return self.sum((1, left), (1 if name == "add" else -1, right))

    def below(self, node: int) -> tuple[int, ...]:
        op, args = self.nodes[node]
        return args[: PARTS[op]] if op in PARTS else super().below(node)

    def with_below(self, node: int, below: Any) -> int:
        op, args = self.nodes[node]
        return self.add(op, *below, *args[PARTS[op] :]) if op in PARTS else super().with_below(node, below)

    def text(self, node: int, but: int = -1) -> str:
        op, args = self.nodes[node]
        inside = [self.text(part) for part in self.below(node)]
        match op:
            case "leaf":
                leaf: str = args[0]
                return leaf
            case "matmul":
                return " @ ".join(
                    f"({x})" if self._is_pointwise(part) else x for x, part in zip(inside, args, strict=False)
                )
            case "T":
                return f"{self._closed(args[0])}.T"
            case "total":
                return f"{self._closed(args[0])}.sum(axis={args[1]}{', keepdims=True' if args[2] else ''})"
            case "dtanh":
                return f"(1 - {self._closed(args[0])}**2)"
            case "dsigmoid":
                return f"{inside[0]} * (1 - {inside[0]})"
            case "invert":
                return f"1 / {inside[0]}"
            case "sum":
                return self._summed(args)
        return super().text(node)

    def _summed(self, terms: tuple[tuple[float, int], ...]) -> str:
        ordered = sorted(terms, key=lambda term: (term[0] < 0, term[1]))
        return "".join(self._term(weight, part, k, -1) for k, (weight, part) in enumerate(ordered))

    def _is_pointwise(self, node: int) -> bool:
        return self.nodes[node].op in ("product", "sum", "dsigmoid")

    def _closed(self, node: int) -> str:
        """An expression that a dot or a power may follow."""
        closed = self.nodes[node].op in ("leaf", "tanh", "sigmoid", "exp", "constant", "T", "total", "dtanh")
        return self.text(node) if closed else f"({self.text(node)})"


class Values:
    """Evaluates nodes with these arrays, each node once.

    Args:
        lines: the graph.
        arrays: {name: array} of the leaves.
    """

    def __init__(self, lines: Lines, arrays: Mapping[str, Any]):
        self.lines, self.arrays = lines, arrays
        self.known: dict[int, Any] = {}

    def of(self, node: int) -> Any:
        """The value; None where the shapes do not fit or a name has none."""
        if node not in self.known:
            self.known[node] = self._of(node)
        return self.known[node]

    def _of(self, node: int) -> Any:
        op, args = self.lines.nodes[node]
        if op == "leaf":
            return self.arrays.get(args[0])
        if op == "constant":
            return args[0]
        parts = [self.of(part) for part in self.lines.below(node)]
        if any(part is None for part in parts):
            return None
        try:
            match op:
                case "invert":
                    return np.divide(1, parts[0], out=np.full(np.shape(parts[0]), np.nan), where=parts[0] != 0)
                case "product":
                    return reduce(np.multiply, parts)
                case "sum":
                    return reduce(np.add, [weight * x for (weight, _), x in zip(args, parts, strict=True)])
                case "matmul":
                    return parts[0] @ parts[1]
                case "crossed":
                    return np.sum(parts[0], axis=1, keepdims=True) @ np.sum(parts[1], axis=0, keepdims=True)
                case "term":
                    return np.outer(parts[0][:, args[2]], parts[1][args[2]])
                case "one":
                    found = np.take(parts[0], args[1], axis=args[2])
                    return np.expand_dims(found, args[2]) if args[3] else found
                case "total":
                    return np.sum(parts[0], axis=args[1], keepdims=args[2])
            return FUNCTIONS[op](parts[0])
        except (ValueError, AttributeError, TypeError, IndexError):
            return None
