"""What the trace of a cell's own lines has recorded, as nodes of a graph: forward lines and backward ones alike."""

from collections.abc import Callable

from npseq.cell import Cell
from npseq.diagnosis.graph import Graph
from npseq.gpu.program import Expression

ONE, ZERO = Expression("constant", (1.0,)), Expression("constant", (0.0,))
OVER_UNITS = {"mean": "mean", "sum": "total"}  # of a trace, and of a graph, in which a sum is of terms


class Reader:
    """Turns expressions into nodes, each once.

    Args:
        graph: that gets the nodes.
        load: returns the node of what stands in an array's block; it may be replaced.
        names: {expression: the names of its node}; names may be added until it is read.
    """

    def __init__(
        self,
        graph: Graph,
        load: Callable[[str, int | None], int],
        names: dict[Expression, list[str]] | None = None,
    ):
        self.graph, self.load = graph, load
        self.names: dict[Expression, list[str]] = {} if names is None else names
        self.memo: dict[Expression, int] = {}

    def node(self, value: Expression) -> int:
        """The node of an expression."""
        if value not in self.memo:
            node = self.load(*value.args[0]) if value.op == "load" else self._operation(value)
            self.memo[value] = node
            for name in self.names.get(value, ()):
                self.graph.name(name, node)
        return self.memo[value]

    def _operation(self, value: Expression) -> int:
        match value:
            case Expression("constant", (number,)):
                return self.graph.constant(number)
            case Expression("divide", (top, Expression("add", (Expression("exp", (minus,)), one)))) if (
                top == one == ONE and minus.op == "negative"
            ):
                return self.graph.add("sigmoid", self.node(minus.args[0]))
            case Expression("number", (Expression("greater", (x, zero)),)) if zero == ZERO:
                return self.graph.add("drelu", self.node(x))
            case Expression("maximum", (x, zero)) if zero == ZERO:
                return self.graph.add("relu", self.node(x))
            case Expression("where", (Expression("greater", (x, y)), *chosen)) if chosen == [x, y]:
                return self.graph.add("maximum", self.node(x), self.node(y))
        args = [self.node(arg) for arg in value.args]
        match value.op:
            case "add":
                return self.graph.sum((1, args[0]), (1, args[1]))
            case "subtract":
                return self.graph.sum((1, args[0]), (-1, args[1]))
            case "negative":
                return self.graph.sum((-1, args[0]))
            case "positive":
                return args[0]
            case "multiply":
                return self.graph.product(*args)
            case "square":
                return self.graph.product(args[0], args[0])
        return self.graph.add(OVER_UNITS.get(value.op, value.op), *args)


def projections(cell: Cell) -> tuple[str, ...]:
    """The matrices of the second product: W_zh_1, which stands above W_zh_2, where it has several operands."""
    if cell.projection is None or cell.operands == 1:
        return () if cell.projection is None else (cell.projection,)
    return tuple(f"{cell.projection}_{k + 1}" for k in range(cell.operands))
