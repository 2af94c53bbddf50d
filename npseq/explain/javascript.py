"""The lines of a cell as JavaScript, forward and backward, from the same traces as its worked example."""

import json
from typing import Any

import numpy as np

from npseq.cell import Cell
from npseq.diagnosis.graph import Graph
from npseq.explain.sheet import backward_lines, backward_of, forward_of
from npseq.layers.recurrent import Recurrent

CODE = {
    "sigmoid": "(1 / (1 + Math.exp(-({0}))))",
    "tanh": "Math.tanh({0})",
    "exp": "Math.exp({0})",
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
    and `back(v, M)`, v M and v M^T, have to be there.

    Raises:
        TypeError: if the cell is not entry by entry.

    Example:
        >>> from npseq.explain.javascript import javascript
        >>> "v.f[k] * v.c[k]" in javascript(ns.LSTM(1, 1).cell)
        True
    """
    forward, equations = forward_of(cell), backward_of(cell)
    layer = Recurrent(cell, 2, 3, dtype=np.float64, rng=0)  # of which D is 2 and H is 3
    sizes = {2: "D", 3: "H"}
    parameters = {name: [sizes[n] for n in np.shape(value)] for name, value in layer.params.items()}
    lines = backward_lines(equations)
    node_names = {node: name for name, node in reversed([(n, equations.graph.names[n]) for n in lines])}
    sums = {}
    for name, (operand, adjoint) in equations.sums.items():
        node = equations.graph.names[adjoint]
        node = equations.graph.nodes[node].args[0] if adjoint.startswith("kept_") else node
        sums[name] = [operand, node_names[node]]
    about: dict[str, Any] = {
        "state": list(cell.state),
        "gates": [name for name in equations.gates if name in forward.names],
        "parameters": parameters,
        "sums": sums,
        "masks": dict(cell.masks),
    }
    writer = _Writer(set(parameters))
    methods = (
        f"forward(v, w) {{ {writer.body(forward, list(forward.names))} }}, "
        f"backward(v, w) {{ {writer.body(equations.graph, lines)} }}"
    )
    return f"{{ ...{json.dumps(about)}, {methods} }}"


class _Writer:
    """Writes lines of a graph as loops over units.

    Args:
        parameters: the names of those that stand in w.
    """

    def __init__(self, parameters: set[str]):
        self.parameters = parameters

    def body(self, graph: Graph, names: list[str]) -> str:
        """The statements of some lines, in their order."""
        called = {graph.names[name]: name for name in reversed(names)}
        return " ".join(self._line(graph, name, called) for name in names)

    def _line(self, graph: Graph, name: str, called: dict[int, str]) -> str:
        products: list[str] = []
        lengths: list[str] = []

        def array(node: int) -> str:
            """A whole array that is the operand of a product."""
            if node in called and called[node] != name:
                return f"v.{called[node]}"
            op, args = graph.nodes[node]
            if op == "leaf":
                return self._array(args[0])
            if op == "same":
                return array(args[0])
            inner = text(node)
            products.append(f"const t{len(products)} = {lengths[0]}.map((_, k) => {inner});")
            return f"t{len(products) - 1}"

        def text(node: int, top: bool = False) -> str:
            if node in called and not top:
                lengths.append(f"v.{called[node]}")
                return f"v.{called[node]}[k]"
            op, args = graph.nodes[node]
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
            if op in ("product_of", "times"):
                function = "row" if op == "product_of" else "back"
                product = f"{function}({array(args[1])}, w.{args[0]})"
                products.append(f"const t{len(products)} = {product};")
                lengths.insert(0, f"t{len(products) - 1}")
                return f"t{len(products) - 1}[k]"
            return CODE[op].format(*(text(part) for part in graph.below(node)))

        inner = text(graph.names[name], top=True)
        return f"{{ {' '.join(products)} v.{name} = {lengths[0]}.map((_, k) => {inner}); }}"

    def _array(self, name: str) -> str:
        return f"w.{name}" if name in self.parameters else f"v.{name}"
