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
    `backward(v, w)` reads dy, p and what the next step passed back, and writes every adjoint, `carry(v, w)` those that
    are passed back. Arrays that are there are written over. The functions `row(v, M)`
    and `back(v, M)`, v M and v M^T, have to be there, and the numbers `mean(v)` and `total(v)`.

    Raises:
        TypeError: if the cell cannot be traced.

    Example:
        >>> from npseq.explain.javascript import javascript
        >>> "v.c_new ??= " in javascript(ns.LSTM(1, 1).cell)
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
    carried = {*lines.graph.reached(lines.graph.names[f"d{part}"] for part in cell.state)}
    bodies = {
        "forward": lines.forward,
        "backward": lines.backward,
        "carry": [name for name in lines.backward if lines.graph.names[name] in carried],
    }
    methods = ", ".join(f"{name}(v, w) {{ {writer.body(its)} }}" for name, its in bodies.items())
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
        line = _Line(self, name)
        inner = line.text(self.graph.names[name], top=True)
        length = [*line.lengths, "v.h"][0]
        arrays = "".join(f"const {short} = {long}; " for long, short in line.short.items())
        head = f"const out = v.{name} ??= new Float64Array({length}.length);"
        loop = f"for (let k = 0; k < out.length; k++) out[k] = {inner};"
        return f"{{ {arrays}{' '.join(line.products)} {head} {loop} }}"

    def array(self, name: str) -> str:
        """Where a leaf stands."""
        return f"w.{name}" if name in self.parameters else f"v.{name}"


class _Line:
    """One line: what it multiplies by matrices, and the arrays whose entries it reads under short names."""

    def __init__(
        self, writer: _Writer, name: str, products: list[str] | None = None, short: dict[str, str] | None = None
    ):
        self.writer, self.graph, self.name = writer, writer.graph, name
        self.products = [] if products is None else products
        self.short = {} if short is None else short
        self.lengths: list[str] = []

    def text(self, node: int, top: bool = False) -> str:
        """The expression of one entry, k."""
        called = self.writer.called
        op, args = self.graph.nodes[node]
        if (node in called and not top) or op == "leaf":
            return self.entry(f"v.{called[node]}" if node in called and not top else self.writer.array(args[0]))
        if op == "constant":
            return repr(args[0])
        if op == "sum":
            terms = [self.text(part) if weight == 1 else f"{weight!r} * {self.text(part)}" for weight, part in args]
            return f"({' + '.join(terms)})"
        if op == "product":
            return " * ".join(self.text(part) for part in args)
        if op in ("product_of", "times"):
            function = "row" if op == "product_of" else "back"
            name = self.kept(f"{function}({self.whole(args[1])}, w.{args[0]})")
            self.lengths.insert(0, name)
            return f"{name}[k]"
        if op in ("mean", "total"):
            whole = self.whole(args[0])
            self.lengths.append(whole)
            return self.kept(f"{op}({whole})")
        return CODE[op].format(*(self.text(part) for part in self.graph.below(node)))

    def entry(self, array: str) -> str:
        self.lengths.append(array)
        return f"{self.short.setdefault(array, f'a{len(self.short)}')}[k]"

    def kept(self, value: str) -> str:
        """The name of a value of this line's own."""
        self.products.append(f"const t{len(self.products)} = {value};")
        return f"t{len(self.products) - 1}"

    def whole(self, node: int) -> str:
        """A whole array that is the operand of a product."""
        called, (op, args) = self.writer.called, self.graph.nodes[node]
        if node in called and called[node] != self.name:
            return f"v.{called[node]}"
        if op == "leaf":
            return self.writer.array(args[0])
        if op in ("same", "number"):
            return self.whole(args[0])
        inner = _Line(self.writer, self.name, self.products, self.short)
        text, name = inner.text(node), f"t{len(self.products)}"
        loop = f"for (let k = 0; k < {name}.length; k++) {name}[k] = {text};"
        self.products.append(f"const {name} = new Float64Array({inner.lengths[0]}.length); {loop}")
        return name
