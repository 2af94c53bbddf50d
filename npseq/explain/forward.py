"""The forward lines of one step, traced from a cell's own: what each block is before and after its nonlinearity."""

from typing import Any

import numpy as np

from npseq.bptt.blocks import blocks_of
from npseq.bptt.layout import h_biases
from npseq.cell import Cell
from npseq.diagnosis.equations import taped_names
from npseq.diagnosis.graph import Graph
from npseq.gpu.program import Expression, Untraceable
from npseq.gpu.tracing import CellTrace

ONE, ZERO = Expression("constant", (1.0,)), Expression("constant", (0.0,))


class Forward(Graph):
    """A graph in which a matrix may be multiplied from the left by a row, as the forward lines do."""

    def below(self, node: int) -> tuple[int, ...]:
        op, args = self.nodes[node]
        return args[1:] if op == "product_of" else super().below(node)


def forward_graph(cell: Cell) -> Forward:
    """The named forward lines of a cell, in an order in which each reads those before it alone.

    Raises:
        TypeError: if the cell's lines are not entry by entry.
    """
    try:
        return _Forward(cell).graph
    except Untraceable as error:
        raise TypeError(f"{type(cell).__name__}'s forward cannot be traced: {error}") from error


class _Forward:
    """One run of a cell's forward, and the graph of what it wrote."""

    def __init__(self, cell: Cell):
        self.cell, self.blocks, self.graph, self.trace = cell, blocks_of(cell), Forward(), CellTrace(np.float64)
        self.blocks_names = taped_names(cell)
        self.memo: dict[Expression, int] = {}
        self.products: list[Expression] = []
        self.before: list[int] = [self._pre_activation(k) for k in range(len(self.blocks.names))]
        self.names: dict[Expression, str] = {}
        if cell.operands > 1:
            raise Untraceable("its second product has several operands")
        a = self.trace.array("a", len(self.blocks.names) + len(self.blocks.saved))
        old, new = (tuple(self.trace.array(f"{age}_{part}") for part in cell.state) for age in ("old", "new"))
        step: Any = cell.forward  # of symbols in the place of arrays
        p = self.trace.array("p", len(cell.vectors)) if cell.vectors else None
        step(a, old, new, p, self._project)
        written = [(name, self.trace.content(a[k])) for k, name in enumerate(self.blocks_names)]
        written += [(f"{part}_new", self.trace.content(x)) for part, x in zip(cell.state, new, strict=True)]
        self.names |= {x: name for name, x in written if x.op != "load"}
        for name, content in written:
            node = self.node(content)
            if name not in self.graph.names and (cell.reads_gates or content.op != "load" or name.endswith("_new")):
                self.graph.name(name, self.graph.add("same", node))

    def _pre_activation(self, k: int) -> int:
        """The products that fill a block, and its bias, as a line of its own."""
        gate, graph = self.blocks.names[k], self.graph
        terms = []
        if k not in self.blocks.h_only:
            terms.append((1, graph.add("product_of", f"W_x{gate}", graph.leaf("x"))))
        if k < self.blocks.with_h:
            terms.append((1, graph.add("product_of", self.blocks.h_weights[k], graph.leaf("h"))))
        if k in self.blocks.h_only:
            terms.append((1, graph.leaf(h_biases(self.cell, True)[self.blocks.h_only.index(k)])))
        else:
            terms.append((1, graph.leaf(f"b_{gate}")))
        alone = "a" if len(self.blocks.names) == 1 else f"pre_{gate}"
        name = alone if f"a_{gate}" in self.blocks_names else f"a_{gate}"
        return graph.name(self.blocks_names[k] if k in self.blocks.h_only else name, graph.sum(*terms))

    def _project(self, x: Any) -> Any:
        self.products.append(self.trace.content(x))
        self.names.setdefault(self.products[-1], "m")
        return self.trace.array(f"product{len(self.products) - 1}")

    def node(self, value: Expression) -> int:
        """The node of what the trace has recorded."""
        if value not in self.memo:
            node = self._load(*value.args[0]) if value.op == "load" else self._operation(value)
            self.memo[value] = self.graph.name(self.names[value], node) if value in self.names else node
        return self.memo[value]

    def _load(self, array: str, gate: int | None) -> int:
        if array.startswith("product"):
            operand = self.node(self.products[int(array.removeprefix("product"))])
            node = self.graph.add("product_of", self.cell.projection, operand)
            return node if self.cell.projection in ("W_hp",) else self.graph.name("v", node)
        if array == "a":
            assert gate is not None
            return self.before[gate] if gate < len(self.before) else self.graph.leaf(self.blocks_names[gate])
        if array == "p":
            assert gate is not None
            return self.graph.leaf(self.cell.vectors[gate])
        return self.graph.leaf(array.removeprefix("old_"))

    def _operation(self, value: Expression) -> int:
        if value.op == "constant":
            return self.graph.constant(value.args[0])
        match value:
            case Expression("divide", (top, Expression("add", (Expression("exp", (minus,)), one)))):
                if top == one == ONE and minus.op == "negative":
                    return self.graph.add("sigmoid", self.node(minus.args[0]))
            case Expression("maximum", (x, zero)) if zero == ZERO:
                return self.graph.add("relu", self.node(x))
        args = [self.node(arg) for arg in value.args]
        match value.op:
            case "add":
                return self.graph.sum((1, args[0]), (1, args[1]))
            case "subtract":
                return self.graph.sum((1, args[0]), (-1, args[1]))
            case "negative":
                return self.graph.sum((-1, args[0]))
            case "positive" | "number":
                return args[0]
            case "multiply":
                return self.graph.product(*args)
            case "square":
                return self.graph.product(args[0], args[0])
        return self.graph.add(value.op, *args)
