"""The rows of a worked example: which line, its equation and label, and its numbers at every step."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

import numpy as np

from npseq.arguments import amount, integer
from npseq.cell import Cell
from npseq.diagnosis.equations import Equations, equations
from npseq.explain.arithmetic import ZERO, Rows, evaluated, rounded, summed
from npseq.explain.forward import Forward, forward_graph
from npseq.explain.words import Words
from npseq.layers.gru import GRUCell
from npseq.layers.lstm import LSTMCell
from npseq.layers.recurrent import Recurrent
from npseq.layers.rnn import RNNCell

DIGITS = 4
LONG = 20  # letters of an expression that is worth a name
FORWARD = {  # the labels of forward lines in docs/derivations
    RNNCell: "a R1, h_new R2",
    GRUCell: "a_r G1, r G1, a_z G2, z G2, m G3, a_n G4, n G4, h_new G7",
    LSTMCell: "a_i L1, i L1, a_f L2, f L2, a_g L3, g L3, c_new L4, a_o L5, o L5, m L6, h_new L6",
}


@dataclass(frozen=True)
class Row:
    """One line of a worked example.

    Args:
        name: in the graph of its pass.
        label: of its equation in docs/derivations; empty for a cell that has no page.
        text: the equation, in plain text.
        latex: the same in LaTeX.
        steps: {t: its numbers, one a unit}, t counted from 1.
    """

    name: str
    label: str
    text: str
    latex: str
    steps: dict[int, Rows]


@dataclass(frozen=True)
class Sheet:
    """A worked example.

    Args:
        title: of the layer.
        cell: what is explained.
        given: {name: its numbers, a row or rows of them}: parameters, the first state.
        inputs: x and dy, {t: numbers}.
        forward: the lines of a step forward.
        backward: those of a step backward, from the last step to the first.
        gradients: {name of a parameter: (label, equation, numbers)}.
        digits: after the point; None is all of them.
    """

    title: str
    cell: Cell
    given: dict[str, Any]
    inputs: tuple[Row, ...]
    forward: tuple[Row, ...]
    backward: tuple[Row, ...]
    gradients: dict[str, tuple[str, str, str, Any]]
    digits: int | None
    layer: Recurrent


def worked(
    cell: Cell, units: int = 2, steps: int = 3, *, inputs: int = 2, seed: int = 0, digits: int | None = DIGITS
) -> Sheet:
    """Returns a worked example: parameters, inputs and upstream gradients of one decimal, and all that follows.

    Args:
        cell: of npseq, or one's own whose lines are entry by entry.
        units: H.
        steps: T.
        inputs: D.
        seed: of the given numbers.
        digits: to which each printed number is rounded, from printed numbers; None rounds nothing.

    Raises:
        TypeError: if the cell cannot be traced.
        ValueError: if a size is no size of a page: 1 to 6 units, inputs and steps.

    Example:
        >>> from npseq.explain import worked
        >>> sheet = worked(ns.layers.RNN(1, 1).cell, units=1, steps=1, inputs=1)
        >>> [row.text for row in sheet.forward]
        ['a = x W_xh + h W_hh + b_h', "h' = tanh(a)"]
    """
    units, steps, inputs = (
        integer(name, value, 1, 7) for name, value in (("units", units), ("steps", steps), ("inputs", inputs))
    )
    return _Work(cell, units, steps, inputs, amount("seed", seed, 0), digits).sheet()


class _Work:
    """The numbers of one example as they come."""

    def __init__(self, cell: Cell, units: int, steps: int, inputs: int, seed: int, digits: int | None):
        self.cell, self.units, self.steps, self.digits = cell, units, steps, digits
        self.graph, self.equations = forward_of(cell), backward_of(cell)
        self.lines = backward_lines(self.equations)
        self.rng = np.random.default_rng(seed)
        size = max(1, units - 1) if cell.projection == "W_hp" else units
        self.layer = Recurrent(cell, inputs, units, state_size=size, dtype=np.float64, rng=0)
        self.rows: dict[int, dict[str, Rows]] = {t: {} for t in range(1, steps + 1)}
        self.given: dict[str, Any] = {name: self._drawn(np.shape(value)) for name, value in self.layer.params.items()}
        self.first = {part: self._drawn((size if part == "h" else units,)) for part in cell.state}
        if "n" in self.first:
            self.first["n"] = [abs(x) for x in self.first["n"]]  # an sLSTM's normaliser
        self.x = {t: self._drawn((inputs,)) for t in self.rows}
        self.dy = {t: self._drawn((size,)) for t in self.rows}
        for name, value in self.given.items():
            self.layer.params[name] = np.array(value, float)

    def _drawn(self, shape: tuple[int, ...]) -> Any:
        """Numbers with one decimal that are not 0, as nested lists."""
        found = self.rng.integers(1, 10, size=shape) * self.rng.choice([-1, 1], size=shape)
        return np.vectorize(lambda k: Decimal(int(k)) / 10, otypes=[object])(found).tolist()

    def _line(self, graph: Any, name: str, known: dict[str, Rows]) -> Rows:
        return [rounded(x, self.digits) for x in evaluated(graph, name, known, self.given)]

    def sheet(self) -> Sheet:
        for t in range(1, self.steps + 1):
            self._forward(t)
        for t in range(self.steps, 0, -1):
            self._backward(t)
        words, latex = Words(self.graph), Words(self.graph, latex=True)
        backward = self.lines
        back, back_latex = Words(self.equations.graph), Words(self.equations.graph, latex=True)
        inputs = tuple(Row(name, "", name, name, {t: self.rows[t][name] for t in self.rows}) for name in ("x", "dy"))
        return Sheet(
            self._title(), self.cell, self.given | {f"{part}_0": self.first[part] for part in self.cell.state}, inputs,
            tuple(self._row(name, words, latex, self._label(name)) for name in self.graph.names),
            tuple(self._row(name, back, back_latex, self.equations.label(name)) for name in backward),
            self._gradients(), self.digits, self.layer,
        )  # fmt: skip

    def _row(self, name: str, words: Words, latex: Words, label: str) -> Row:
        numbers = {t: self.rows[t][name] for t in self.rows}
        return Row(name, label, words.equation(name), latex.equation(name), numbers)

    def _forward(self, t: int) -> None:
        known = self.rows[t]
        known |= self.given_rows() | {"x": self.x[t], "dy": self.dy[t]}
        known |= {part: self.rows[t - 1][f"{part}_new"] if t > 1 else self.first[part] for part in self.cell.state}
        known |= {name: [rounded(_decimal(p), None)] * self.units for name, p in self.cell.masks.items()}
        for name in self.graph.names:
            known[name] = self._line(self.graph, name, known)

    def given_rows(self) -> dict[str, Rows]:
        """The biases and vectors, which enter entry by entry."""
        return {name: value for name, value in self.given.items() if not isinstance(value[0], list)}

    def _backward(self, t: int) -> None:
        later, known = self.rows.get(t + 1), self.rows[t]
        known["p"] = later["dh"] if later else [ZERO] * len(self.first["h"])
        for part in self.cell.state[1:]:
            known[f"d{part}_next"] = later[f"d{part}"] if later else [ZERO] * self.units
        for name in self.lines:
            known[name] = self._line(self.equations.graph, name, known)

    def _gradients(self) -> dict[str, tuple[str, str, str, Any]]:
        found: dict[str, tuple[str, str, str, Any]] = {}
        plain, words = Words(self.equations.graph), Words(self.equations.graph, latex=True)
        for name, (operand, adjoint) in self.equations.sums.items():
            node = self.equations.graph.names[adjoint]
            inner = self.equations.graph.nodes[node].args[0] if adjoint.startswith("kept_") else node
            line = next(known for known in self.lines if self.equations.graph.names[known] == inner)
            total = summed([(self.rows[t][operand] if operand else None, self.rows[t][line]) for t in self.rows])
            numbers = [
                [rounded(x, self.digits) for x in row] if isinstance(row, list) else rounded(row, self.digits)
                for row in total
            ]
            left = "" if operand is None else f"{operand}^T "
            latex = rf"{words.name(f'd{name}')} = \Sigma_t\, {left.replace('^T ', '^{T} ')}{words.name(line)}"
            text = f"d{name} = sum over t of {left}{plain.name(line)}"
            found[name] = (self.equations.label(name), text, latex, numbers)
        return found

    def _label(self, name: str) -> str:
        labels = dict(pair.split() for pair in FORWARD.get(type(self.cell), "").split(", ") if pair)
        if type(self.cell) is GRUCell:
            labels |= {"v": "G3"} if self.cell.reset == "before" else {"v": "G5", "a_n": "G6", "n": "G6"}
        if type(self.cell) is LSTMCell and self.cell.projected:
            labels["h_new"] = "L7"
        return labels.get(name, "")

    def _title(self) -> str:
        own = {f.name: (f.default, getattr(self.cell, f.name)) for f in fields(self.cell)}  # type: ignore[arg-type]
        chosen = [(name, value) for name, (default, value) in own.items() if value != default or name == "reset"]
        options = ", ".join(f"{name}={value}" for name, value in chosen if isinstance(value, bool | int | float | str))
        kind = type(self.cell).__name__.removesuffix("Cell")
        return f"{kind}{f' ({options})' if options else ''}, {self.units} units, {self.steps} steps"


def forward_of(cell: Cell) -> Forward:
    """The forward lines of a cell. Raises TypeError if it is not entry by entry."""
    with _explained(cell):
        return forward_graph(cell)


def backward_of(cell: Cell) -> Equations:
    """The backward lines of a cell, long ones that are read twice with names of their own."""
    with _explained(cell):
        found: Equations = equations.__wrapped__(cell, False, True)  # a copy, in which more is named
    _name_shared(found)
    return found


def backward_lines(of: Equations) -> list[str]:
    """The lines of a step backward, each node once, each after those that it reads."""
    graph = of.graph
    wanted = [name for name in graph.names if not name.startswith("kept_") and not name.endswith("_out")]
    wanted = [name for name in wanted if name != "dh_total"]
    first = {node: name for name, node in reversed([(name, graph.names[name]) for name in wanted])}
    return [first[node] for node in graph.reached(graph.names[name] for name in wanted) if node in first]


@contextmanager
def _explained(cell: Cell) -> Iterator[None]:
    try:
        yield
    except TypeError as error:
        wanted = f"{type(cell).__name__} must compute entry by entry to be explained, without sums over units"
        raise TypeError(wanted) from error


def _name_shared(of: Equations) -> None:
    """Names the long expressions that several places of a step read, u_1 and so on, as somebody would by hand."""
    graph = of.graph
    for name in (f"d{part}" for part in of.state):  # what is passed back may have another name too
        if next(known for known, node in graph.names.items() if node == graph.names[name]) != name:
            graph.name(name, graph.add("same", graph.names[name]))
    nodes = graph.reached(graph.names.values())
    readers = Counter(part for node in nodes for part in graph.below(node))
    long = [node for node in nodes if readers[node] > 1 and len(graph.text(node)) > LONG]
    for k, node in enumerate(node for node in long if node not in graph.names.values()):
        graph.name(f"u_{k + 1}", node)


def _decimal(value: float) -> Decimal:
    return Decimal(repr(float(value)))
