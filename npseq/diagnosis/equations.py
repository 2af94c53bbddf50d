"""A cell's own lines, traced once, become the graph of one step backward, with the labels of the derivations.

dh_total = dy + p        what arrives from above, and what the next step passes back
da_<block>, dv           the adjoints of the first and of the second product's results
kept_<block>             the same, as the sums over time read them
dh, dc                   what the step passes back
dx, dp_<gate>            of the input, of the vectors
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np

from npseq.bptt.blocks import blocks_of
from npseq.bptt.layout import h_biases
from npseq.cell import Cell
from npseq.diagnosis.graph import Graph
from npseq.diagnosis.reader import OVER_UNITS, Reader, projections
from npseq.gpu.program import Expression, Untraceable
from npseq.gpu.tracing import CellTrace
from npseq.layers.gru import GRUCell
from npseq.layers.lstm import LSTMCell
from npseq.layers.rnn import RNNCell


class Sum(NamedTuple):
    """The gradient of a parameter: the sum over time and batch of operand x adjoint."""

    operand: str | None  # "h", "x", "m"; None where the adjoint enters alone
    adjoint: str  # a name of the graph


@dataclass(frozen=True, eq=False)
class Equations:
    """One step backward of a cell, and the sums that make gradients of it."""

    graph: Graph
    leaves: frozenset[str]  # whatever an equation may read
    taped: tuple[str, ...]  # those of them that forward computed, gates and states, and the vectors
    gates: tuple[str, ...]  # those of them that a nonlinearity made
    matrices: frozenset[str]
    sums: dict[str, Sum]  # by parameter, without an ending
    labels: dict[str, str]  # of equations in docs/derivations, by a name of the graph or a parameter
    state: tuple[str, ...]  # its parts

    @property
    def given(self) -> tuple[str, ...]:
        """The leaves that are adjoints: what comes from above, and what the next step passes back to each part."""
        return ("dy", "p", *(f"d{part}_next" for part in self.state[1:]))

    def label(self, name: str) -> str:
        return self.labels.get(name, "")

    def parse(self, text: str) -> int:
        return self.graph.parse(text, self.leaves | self.matrices)

    def is_adjoint(self, node: int) -> bool:
        """Whether a node is made of what comes from above or from the next step."""
        op, args = self.graph.nodes[node]
        return args[0] in self.given if op == "leaf" else any(map(self.is_adjoint, self.graph.below(node)))

    @cached_property
    def adjoints(self) -> dict[str, int]:
        """{text: node} of every adjoint of a step, and those with a name under that."""
        reached = self.graph.reached(self.graph.names.values())
        return {self.graph.text(node): node for node in reached if self.is_adjoint(node)} | self.graph.names

    def named(self) -> list[str]:
        """The names of equations that may be wrong, each node once."""
        seen: dict[int, str] = {}
        for name, node in self.graph.names.items():
            seen.setdefault(node, name)
        return [name for name in seen.values() if not name.startswith("kept_")]


@cache
def equations(cell: Cell, ragged: bool, bias: bool) -> Equations:
    """The graph of a cell. Raises TypeError if its lines cannot be traced."""
    try:
        if cell.operands > 1:
            raise Untraceable("its second product has several operands")
        found = _traced(cell, ragged, bias)
        if any(node.op in OVER_UNITS.values() for node in found.graph.nodes):
            raise Untraceable("it takes means or sums over units")
        return found
    except Untraceable as error:
        raise TypeError(
            f"the mistakes of a cell can be named where its step is traced entry by entry, {type(cell).__name__}'s "
            f"cannot be: {error}; gradcheck_layer checks it"
        ) from error


class Ran(NamedTuple):
    """What one run of a cell's backward has written, and what it has handed to its second product."""

    blocks: list[Expression]
    vectors: list[Expression]
    passed: list[Expression | None]
    products: list[Expression]

    @property
    def contents(self) -> list[Expression]:
        return [*self.blocks, *self.vectors, *filter(None, self.passed), *self.products]


def run_backward(cell: Any, trace: CellTrace, a: Any, old: Any, new: Any, p: Any) -> Ran:
    """Runs backward once; cell: a Cell, which gets symbols here where its types say arrays.

    Args:
        cell: whose.
        trace: of a, the blocks, old and new, the states, and p, the vectors.
    """
    blocks, products = blocks_of(cell), list[Expression]()
    s, da, seen = (trace.array(n, m) for n, m in zip(("s", "da", "seen"), _widths(cell), strict=True))
    dnew = tuple(trace.array(f"dnew_{part}") for part in cell.state)

    def project(x: Any) -> Any:
        products.append(trace.content(x))
        return trace.array(f"back{len(products) - 1}", cell.operands if cell.operands > 1 else None)

    if blocks.derived:
        cell.local_derivatives(a, old, new, s)
    passed = cell.backward(dnew, a if cell.reads_gates else None, s if blocks.derived else (old, new), da, p, project)
    own = da[len(blocks.names) :] if blocks.vectors else ()  # which backward has written itself
    vectors = own or (cell.vector_gradients(seen, old, new) if cell.vectors else ())
    return Ran(
        [trace.content(da[k]) for k in range(len(blocks.names))],
        [trace.content(x) for x in vectors],
        [None if x is None else trace.content(x) for x in passed],
        products,
    )


def assembled(cell: Cell, ran: Ran, reader: Reader, ragged: bool, bias: bool) -> Equations:
    """Makes nodes of a run of backward, and the sums of them; reader.load knows what forward reads and writes."""
    blocks, graph, before = blocks_of(cell), reader.graph, reader.load
    total = graph.name("dh_total" if ragged else "dh_new", graph.sum((1, graph.leaf("dy")), (1, graph.leaf("p"))))
    known = {"dnew_h": graph.name("dh_new", graph.add("running", total)) if ragged else graph.name("dh_total", total)}
    for part in cell.state[1:]:
        given = graph.leaf(f"d{part}_next")
        known[f"dnew_{part}"] = graph.name(f"d{part}_new", graph.add("running", given) if ragged else given)

    def load(array: str, gate: int | None) -> int:
        if array in known:
            return known[array]
        if array.startswith("back"):
            operand = reader.node(ran.products[int(array.removeprefix("back"))])
            return graph.add("times", projections(cell)[gate or 0], operand)
        if array in ("s", "da"):
            raise Untraceable(f"backward reads {array}, which it has not written")
        return graph.names[f"da_{blocks.names[gate or 0]}"] if array == "seen" else before(array, gate)

    reader.load = load
    for names, written in (([f"da_{name}" for name in blocks.names], ran.blocks), (
        [f"d{name}" for name in cell.vectors], ran.vectors
    )):  # fmt: skip
        for name, content in zip(names, written, strict=True):
            reader.names.setdefault(content, []).append(name)
    for content in (*ran.blocks, *ran.vectors):
        reader.node(content)
    for part, x in zip(cell.state, ran.passed, strict=True):
        through = [] if x is None else [(1, reader.node(x))]
        if part == "h":
            products_of_h = zip(blocks.h_weights, blocks.names[: blocks.with_h], strict=False)
            through += [(1, graph.add("times", W, graph.names[f"da_{block}"])) for W, block in products_of_h]
        node = graph.name(f"d{part}", graph.sum(*through))
        after = total if part == "h" else graph.leaf(f"d{part}_next")
        graph.name(f"d{part}_out", graph.add("or", node, after) if ragged else node)
    if ran.products:
        graph.name("dv", reader.node(ran.products[0]))
    return _with_sums(cell, graph, bias)


def _traced(cell: Cell, ragged: bool, bias: bool) -> Equations:
    """The equations of backward alone: what forward has left is leaves."""
    graph, trace, names = Graph(), CellTrace(np.float64, kernels=False), taped_names(cell)
    a = trace.array("a", len(names))
    old, new = (tuple(trace.array(f"{age}_{part}") for part in cell.state) for age in ("old", "new"))
    p = trace.array("p", len(cell.vectors)) if cell.vectors else None
    for part in cell.state:  # states first where something is printed
        graph.leaf(part)
        graph.leaf(f"{part}_new")

    def load(array: str, gate: int | None) -> int:
        if gate is not None:
            return graph.leaf((names if array == "a" else cell.vectors)[gate])
        age, _, part = array.partition("_")
        return graph.leaf(part if age == "old" else f"{part}_new")

    return assembled(cell, run_backward(cell, trace, a, old, new, p), Reader(graph, load), ragged, bias)


def _widths(cell: Cell) -> tuple[int, ...]:
    blocks = blocks_of(cell)
    return cell.local, len(blocks.names) + blocks.vectors, len(blocks.names)


def taped_names(cell: Cell) -> list[str]:
    """The names of the blocks of a: v is h's part where x does not enter, a_h a gate with a state's name."""
    blocks, others = blocks_of(cell), {*cell.state, *cell.vectors, "x", "p", "m", "dy"}
    names = ["v" if k in blocks.h_only else name for k, name in enumerate(blocks.names)]
    return [f"a_{name}" if name in others else name for name in (*names, *blocks.saved)]


def _with_sums(cell: Cell, graph: Graph, bias: bool) -> Equations:
    blocks, leaf_names, sums = blocks_of(cell), taped_names(cell), {}
    for name in blocks.names:
        graph.name(f"kept_{name}", graph.add("same", graph.names[f"da_{name}"]))
    graph.name("dx", graph.sum(*((1, graph.add("times", f"W_x{k}", graph.names[f"kept_{k}"])) for k in cell.gates)))
    for gate in cell.gates:
        sums[f"W_x{gate}"] = Sum("x", f"kept_{gate}")
    for W, block in zip(blocks.h_weights[: blocks.with_h], blocks.names, strict=False):
        sums[W] = Sum("h", f"kept_{block}")
    for k, name in enumerate(projections(cell)):
        sums[name] = Sum("m" if cell.operands == 1 else f"operand_{k + 1}", "dv")
    if bias:
        sums.update({f"b_{gate}": Sum(None, f"kept_{gate}") for gate in cell.gates})
    for name, k in zip(h_biases(cell, bias), blocks.h_only, strict=False):
        sums[name] = Sum(None, f"kept_{blocks.names[k]}")
    sums.update({name: Sum(None, f"d{name}") for name in cell.vectors})
    taped = [*leaf_names] if cell.reads_gates else []
    taped += [*cell.vectors, *(name for part in cell.state for name in (part, f"{part}_new"))]
    leaves = {*taped, *(f"d{part}_next" for part in cell.state[1:]), "dy", "dy_given", "p", "x", "h_early"}
    leaves |= {"m"} if cell.projection else set()
    matrices = frozenset(name for name in sums if name.startswith("W"))
    gates = tuple(name for name in leaf_names if cell.reads_gates and not name.startswith("v"))
    found = Equations(graph, frozenset(leaves), tuple(taped), gates, matrices, sums, _printed(cell), cell.state)
    reached = set(graph.reached(graph.names.values()))
    if type(cell) is LSTMCell and not cell.projected:
        graph.name("dm", graph.names["dh_new"])
    for name, text in _SHARED:
        try:
            node = found.parse(text)
        except LookupError:  # an equation of another cell
            continue
        if node in reached:
            graph.name(name, node)
    return found


_SHARED = (  # equations of the derivations that several others read
    ("dm", "W_hp(dh_new)"),
    ("dm", "W_hn(da_n)"),
    *(
        ("dc_all", f"dc_new + {adjoint} * o * dtanh(tanh(c_new)){peephole}")
        for adjoint in ("dm", "dh_new")
        for peephole in (" + da_o * p_o", "")
    ),
)


def _printed(cell: Cell) -> dict[str, str]:
    """The labels of a cell's equations in docs/derivations."""
    if type(cell) is LSTMCell:
        return _labels(
            "dm L13, da_o L14, dc_all L15, da_i L16, da_f L17, da_g L18, dc L19, dh L20, dx L21, W_x L22, W_h L23, "
            "b L24, p_i L25, p_f L25, p_o L26, dp_i L25, dp_f L25, dp_o L26, W_hp L27, dh_new T2, dh_total T17",
            cell,
        )
    if type(cell) is RNNCell:
        return _labels("da_h R5, dh R6, dx R7, W_x R8, W_h R9, b R10, dh_new T2, dh_total T17", cell)
    if type(cell) is not GRUCell:
        return {"dh_new": "T2", "dh_total": "T17"}
    own = "da_hn G19, da_r G20, dh G21, W_hn G22, b_hn G23"
    if cell.reset == "before":
        own = "dm G15, da_r G16, dh G17, W_hn G18"
    shared = "da_z G12, da_n G13, dx G24, W_x G25, W_h G26, b G27, dh_new T2, dh_total T17"
    return _labels(f"{shared}, {own}", cell)


def _labels(text: str, cell: Cell) -> dict[str, str]:
    """{name: label}; W_x, W_h and b stand for those of every gate that has none of its own."""
    labels = dict(pair.split() for pair in text.split(", "))
    every: Iterable[tuple[str, str]] = [(kind, gate) for kind in ("W_x", "W_h", "b_") for gate in cell.gates]
    return {f"{kind}{gate}": labels[kind.rstrip("_")] for kind, gate in every} | labels
