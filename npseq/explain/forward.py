"""The forward lines of one step, traced from a cell's own: what each block is before and after its nonlinearity."""

from typing import Any

import numpy as np

from npseq.bptt.blocks import blocks_of
from npseq.bptt.layout import h_biases
from npseq.cell import Cell
from npseq.diagnosis.equations import taped_names
from npseq.diagnosis.graph import Graph
from npseq.diagnosis.reader import Reader, projections
from npseq.gpu.program import Expression
from npseq.gpu.tracing import CellTrace


class Step(Graph):
    """A graph in which a matrix may be multiplied from the left by a row, as the forward lines do."""

    def below(self, node: int) -> tuple[int, ...]:
        op, args = self.nodes[node]
        return args[1:] if op == "product_of" else super().below(node)


class Forward:
    """One run of a cell's forward: its symbols, which backward goes on with, and what it wrote.

    Args:
        cell: a Cell.
    """

    def __init__(self, cell: Cell):
        self.cell, self.blocks, self.taped = cell, blocks_of(cell), taped_names(cell)
        self.trace, self.graph = CellTrace(np.float64, kernels=False), Step()
        self.products: list[list[Expression]] = []  # the operands of each
        self.a = self.trace.array("a", len(self.taped))
        self.old, self.new = (tuple(self.trace.array(f"{age}_{part}") for part in cell.state) for age in ("old", "new"))
        self.p = self.trace.array("p", len(cell.vectors)) if cell.vectors else None
        step: Any = cell.forward  # of symbols in the place of arrays
        step(self.a, self.old, self.new, self.p, self._project)
        self.written = [(name, self.trace.content(self.a[k])) for k, name in enumerate(self.taped)]
        self.written += [(f"{part}_new", self.trace.content(x)) for part, x in zip(cell.state, self.new, strict=True)]
        self.names = {operands[0]: ["m"] for operands in self.products if cell.operands == 1}
        self.names |= {content: [name] for name, content in self.written if content.op != "load"}

    def _project(self, x: Any) -> Any:
        self.products.append([self.trace.content(block) for block in (x if self.cell.operands > 1 else [x])])
        return self.trace.array(f"product{len(self.products) - 1}")

    def read(self, reader: Reader) -> None:
        """Makes nodes of all that was written; operand_1, operand_2 are what a product of several reads."""
        for name, content in self.written:
            node = reader.node(content)
            if name not in self.graph.names and (self.cell.reads_gates or content.op != "load"):
                self.graph.name(name, node)
        for operands in self.products if self.cell.operands > 1 else ():
            for k, operand in enumerate(operands):
                self.graph.name(f"operand_{k + 1}", reader.node(operand))

    def loader(self, reader: Reader) -> Any:
        """The function of an array and a block that returns the node of what stands there."""
        before = [self._pre_activation(k) for k in range(len(self.blocks.names))]

        def load(array: str, gate: int | None) -> int:
            if array.startswith("product"):
                return self._product(int(array.removeprefix("product")), reader)
            if array == "a" and gate is not None:
                return before[gate] if gate < len(before) else self.graph.leaf(self.taped[gate])
            return self.graph.leaf(array.removeprefix("old_") if gate is None else self.cell.vectors[gate])

        return load

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
        alone = "a" if len(self.blocks.names) == 1 else f"a_{gate}"
        return graph.name(self.taped[k] if k in self.blocks.h_only else alone, graph.sum(*terms))

    def _product(self, k: int, reader: Reader) -> int:
        matrices = projections(self.cell)
        operands = map(reader.node, self.products[k])
        parts = [self.graph.add("product_of", *pair) for pair in zip(matrices, operands, strict=True)]
        node = self.graph.sum(*((1, part) for part in parts))
        return node if len(parts) > 1 or matrices == ("W_hp",) else self.graph.name("v", node)
