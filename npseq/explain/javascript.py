"""The lines of a cell as JavaScript, forward and backward, from the same traces as its worked example."""

import json
from typing import Any

import numpy as np

from npseq.cell import Cell
from npseq.diagnosis.graph import Graph
from npseq.diagnosis.reader import projections
from npseq.explain.lines import called, lines_of
from npseq.layers.recurrent import Recurrent

CODE = {
    "sigmoid": "(1 / (1 + Math.exp(-({0}))))",
    "tanh": "Math.tanh({0})",
    "exp": "Math.exp({0})",
    "cos": "Math.cos({0})",
    "sin": "Math.sin({0})",
    "relu": "Math.max({0}, 0)",
    "dtanh": "(1 - ({0}) * ({0}))",
    "dsigmoid": "(({0}) - ({0}) * ({0}))",
    "drelu": "({0} > 0 ? 1 : 0)",
    "same": "{0}",
    "number": "{0}",
    "divide": "(({0}) / ({1}))",
    "reciprocal": "(1 / ({0}))",
    "sqrt": "Math.sqrt({0})",
    "square": "(({0}) * ({0}))",
    "maximum": "Math.max({0}, {1})",
    "minimum": "Math.min({0}, {1})",
    "where": "({0} ? {1} : {2})",
    "greater": "(({0}) > ({1}) ? 1 : 0)",
    "greater_equal": "(({0}) >= ({1}) ? 1 : 0)",
    "less": "(({0}) < ({1}) ? 1 : 0)",
    "less_equal": "(({0}) <= ({1}) ? 1 : 0)",
    "equal": "(({0}) === ({1}) ? 1 : 0)",
    "not_equal": "(({0}) !== ({1}) ? 1 : 0)",
}


def javascript(cell: Cell) -> str:
    """An object of JavaScript: the names of a cell, and its step forward and backward.

    `forward(v, w)` reads x, h and the other states from v and the parameters from w, and writes every line into v;
    `backward(v, w)` reads dy, p and what the next step passed back, and writes every adjoint. The functions `row(v, M)`
    and `back(v, M)`, v M and v M^T, have to be there, and `mean(v)` and `total(v)`, which fill an array.

    Raises:
        TypeError: if the cell cannot be traced.

    Example:
        >>> from npseq.explain.javascript import javascript
        >>> "v.f[k] * v.c[k]" in javascript(ns.LSTM(1, 1).cell)
        True
    """
    lines = lines_of(cell)
    layer = Recurrent(cell, 2, 3, dtype=np.float64, rng=0)  # of which D is 2 and H is 3
    sizes = {2: "D", 3: "H"}
    shapes = {name: np.shape(value) for name, value in layer.params.items()}
    if cell.operands > 1:  # a matrix for each
        shapes = {name: shape for name, shape in shapes.items() if name != cell.projection}
        shapes |= {name: (3, 3) for name in projections(cell)}
    parameters = {name: [sizes[n] for n in shape] for name, shape in shapes.items()}
    sums = {name: [part and lines.line(part) for part in its] for name, its in lines.equations.sums.items()}
    about: dict[str, Any] = {
        "state": list(cell.state),
        "gates": [name for name in lines.equations.gates if name in lines.forward],
        "parameters": parameters,
        "sums": sums,
        "masks": dict(cell.masks),
    }
    writer = _Writer(lines.graph, [*lines.forward, *lines.backward], set(parameters))
    methods = f"forward(v, w) {{ {writer.body(lines.forward)} }}, backward(v, w) {{ {writer.body(lines.backward)} }}"
    return f"{{ ...{json.dumps(about)}, {methods} }}"


class _Writer:
    """Writes lines of a graph as loops over units.

    Args:
        graph: whose.
        lines: the names of those that stand in v.
        parameters: the names of those that stand in w.
    """

    def __init__(self, graph: Graph, lines: list[str], parameters: set[str]):
        self.graph, self.parameters, self.called = graph, parameters, called(graph, lines)

    def body(self, names: list[str]) -> str:
        """The statements of some lines, in their order."""
        return " ".join(map(self._line, names))

    def _line(self, name: str) -> str:
        products: list[str] = []
        lengths: list[str] = []

        def array(node: int) -> str:
            """A whole array that is the operand of a product."""
            if node in self.called and self.called[node] != name:
                return f"v.{self.called[node]}"
            op, args = self.graph.nodes[node]
            if op == "leaf":
                return self._array(args[0])
            if op in ("same", "number"):
                return array(args[0])
            inner = text(node)
            products.append(f"const t{len(products)} = {lengths[0]}.map((_, k) => {inner});")
            return f"t{len(products) - 1}"

        def text(node: int, top: bool = False) -> str:
            if node in self.called and not top:
                lengths.append(f"v.{self.called[node]}")
                return f"v.{self.called[node]}[k]"
            op, args = self.graph.nodes[node]
            if op == "leaf":
                lengths.append(self._array(args[0]))
                return f"{self._array(args[0])}[k]"
            if op == "constant":
                return repr(args[0])
            if op == "sum":
                terms = [text(part) if weight == 1 else f"{weight!r} * {text(part)}" for weight, part in args]
                return f"({' + '.join(terms)})"
            if op == "product":
                return " * ".join(text(part) for part in args)
            if op in ("product_of", "times", "mean", "total"):
                function = {"product_of": "row", "times": "back"}.get(op, op)
                whole = array(args[-1])
                product = f"{function}({whole}{f', w.{args[0]}' if len(args) > 1 else ''})"
                products.append(f"const t{len(products)} = {product};")
                lengths.insert(0, f"t{len(products) - 1}")
                return f"t{len(products) - 1}[k]"
            return CODE[op].format(*(text(part) for part in self.graph.below(node)))

        inner = text(self.graph.names[name], top=True)
        return f"{{ {' '.join(products)} v.{name} = {[*lengths, 'v.h'][0]}.map((_, k) => {inner}); }}"

    def _array(self, name: str) -> str:
        return f"w.{name}" if name in self.parameters else f"v.{name}"
