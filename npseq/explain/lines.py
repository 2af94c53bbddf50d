"""The lines of a cell's step, forward and backward; what several places read is a line of its own, s_1, s_2, ...

Backward goes on with the symbols that forward has written, so that what it takes from there, it reads there.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from npseq.cell import Cell
from npseq.diagnosis.equations import Equations, assembled, run_backward
from npseq.diagnosis.graph import Graph
from npseq.diagnosis.reader import OVER_UNITS, Reader
from npseq.explain.forward import Forward
from npseq.gpu.program import Expression, Untraceable

LONG = 12  # letters of an expression that is worth a name
HIDDEN = ("kept_", "operand_")  # further names of lines


class Lines(NamedTuple):
    """The lines of a step, each of which reads those before it."""

    equations: Equations  # in whose graph all are
    forward: list[str]
    backward: list[str]

    @property
    def graph(self) -> Graph:
        return self.equations.graph

    @property
    def over_units(self) -> bool:
        """Whether there are means or sums over units among them."""
        return any(node.op in OVER_UNITS.values() for node in self.graph.nodes)

    def line(self, name: str) -> str:
        """The name of the line that a name is another one of; that of a leaf is its own."""
        while name in self.graph.names and name not in (*self.forward, *self.backward):
            node = self.graph.names[name]
            op, args = self.graph.nodes[node]
            same = next((line for line in (*self.forward, *self.backward) if self.graph.names[line] == node), None)
            name = same or (args[0] if op == "leaf" else called(self.graph)[args[0]])
        return name


def lines_of(cell: Cell) -> Lines:
    """The lines of a cell.

    Raises:
        TypeError: if they cannot be traced.
    """
    try:
        forward = Forward(cell)
        ran = run_backward(cell, forward.trace, forward.a, forward.old, forward.new, forward.p)
        reader = _Naming(forward, [*(content for _, content in forward.written), *ran.contents])
        forward.read(reader)
        of_forward = {*forward.graph.names.values()}
        found = assembled(cell, ran, reader, False, True)
    except Untraceable as error:
        raise TypeError(f"{type(cell).__name__} cannot be explained, as its lines cannot be traced: {error}") from error
    graph = found.graph
    _number(graph)
    for name in (f"d{part}" for part in found.state):  # what is passed back may have another name too
        if called(graph)[graph.names[name]] != name:
            graph.name(name, graph.add("number", graph.names[name]))
    wanted = [name for name in graph.names if not name.startswith(HIDDEN) and not name.endswith(("_out", "dh_total"))]
    first = called(graph, wanted)
    lines = [first[node] for node in graph.reached(graph.names[name] for name in wanted) if node in first]
    split = sum(graph.names[name] in of_forward for name in lines)
    return Lines(found, lines[:split], lines[split:])


def called(graph: Graph, names: Iterable[str] | None = None) -> dict[int, str]:
    """The first name of each node that has one, but for a leaf's own."""
    of = list(graph.names if names is None else names)
    return {graph.names[name]: name for name in reversed(of) if graph.nodes[graph.names[name]].args[:1] != (name,)}


class _Naming(Reader):
    """Names what several places read, before products and sums take it apart."""

    def __init__(self, forward: Forward, roots: list[Expression]):
        super().__init__(forward.graph, forward.loader(self), forward.names)
        self.shared = _read_twice(roots)

    def node(self, value: Expression) -> int:
        node = super().node(value)
        if value in self.shared and node not in self.graph.names.values() and len(self.graph.text(node)) > LONG:
            self.graph.name(f"s_{node:04}", node)
        return node


def _read_twice(roots: Iterable[Expression]) -> set[Expression]:
    """The expressions that several others read."""
    readers = defaultdict[Expression, set[Any]](set)
    waiting, seen = [*{*roots}], {*roots}
    while waiting:
        value = waiting.pop()
        for arg in value.args:
            if isinstance(arg, Expression):
                readers[arg].add(frozenset(value.args) if value.op in ("add", "multiply") else value)  # a b is b a
                if arg not in seen:
                    waiting.append(arg)
                    seen.add(arg)
    return {value for value, its in readers.items() if len(its) > 1}


def _number(graph: Graph) -> None:
    """Gives s_1, s_2 to what has no other name, in the order in which they were named."""
    names, found = [*graph.names.items()], dict[str, int]()
    others = {node for name, node in names if not name.startswith("s_")}
    for name, node in names:
        if not name.startswith("s_"):
            found[name] = node
        elif node not in others:
            found[f"s_{sum(known.startswith('s_') for known in found) + 1}"] = node
    graph.names = found
