"""The rows of a worked example: which line, its equation and label, and its numbers at every step."""

from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

import numpy as np

from npseq.arguments import amount, integer
from npseq.cell import Cell
from npseq.diagnosis.reader import projections
from npseq.explain.arithmetic import ZERO, Rows, evaluated, rounded, summed
from npseq.explain.labels import letters_of
from npseq.explain.lines import Lines, lines_of
from npseq.explain.words import Words
from npseq.layers.recurrent import Recurrent

DIGITS = 4
UNITS, NORMALISED = 2, 3  # of two units that are normalised, one is 1 and the other -1


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
    cell: Cell,
    units: int | None = None,
    steps: int = 3,
    *,
    inputs: int = 2,
    seed: int = 0,
    digits: int | None = DIGITS,
) -> Sheet:
    """Returns a worked example: parameters, inputs and upstream gradients of one decimal, and all that follows.

    Args:
        cell: of npseq, or one's own whose lines are entry by entry, but for means and sums over units.
        units: H; None is 2, and 3 of a cell with means over units, where two would be 1 and -1.
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
    lines = lines_of(cell)
    units = (NORMALISED if lines.over_units else UNITS) if units is None else units
    units, steps, inputs = (
        integer(name, value, 1, 7) for name, value in (("units", units), ("steps", steps), ("inputs", inputs))
    )
    return _Work(cell, lines, units, steps, inputs, amount("seed", seed, 0), digits).sheet()


class _Work:
    """The numbers of one example as they come."""

    def __init__(self, cell: Cell, lines: Lines, units: int, steps: int, inputs: int, seed: int, digits: int | None):
        self.cell, self.lines, self.graph = cell, lines, lines.graph
        self.units, self.steps, self.digits = units, steps, digits
        self.rng = np.random.default_rng(seed)
        self.letters, self.labels = letters_of(cell)
        self.plain, self.latex = Words(self.graph, False, self.letters), Words(self.graph, True, self.letters)
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
        if cell.operands > 1:  # a matrix each
            whole = self.given.pop(cell.projection)
            self.given |= {name: whole[k * units :][:units] for k, name in enumerate(projections(cell))}
        self.given |= {name: [_decimal(p)] * units for name, p in cell.masks.items()}

    def _drawn(self, shape: tuple[int, ...]) -> Any:
        """Numbers with one decimal that are not 0, as nested lists."""
        found = self.rng.integers(1, 10, size=shape) * self.rng.choice([-1, 1], size=shape)
        return np.vectorize(lambda k: Decimal(int(k)) / 10, otypes=[object])(found).tolist()

    def sheet(self) -> Sheet:
        for t in range(1, self.steps + 1):
            self._forward(t)
        for t in range(self.steps, 0, -1):
            self._backward(t)
        inputs = tuple(Row(name, "", name, name, {t: self.rows[t][name] for t in self.rows}) for name in ("x", "dy"))
        given = {self.plain.name(name): value for name, value in self.given.items()}
        given |= {f"{part}_0": self.first[part] for part in self.cell.state}
        forward, backward = (tuple(map(self._row, names)) for names in (self.lines.forward, self.lines.backward))
        return Sheet(
            self._title(), self.cell, given, inputs, forward, backward, self._gradients(), self.digits, self.layer
        )

    def _row(self, name: str) -> Row:
        numbers = {t: self.rows[t][name] for t in self.rows}
        return Row(name, self._label(name), self.plain.equation(name), self.latex.equation(name), numbers)

    def _label(self, name: str) -> str:
        return self.labels.get(name) or self.lines.equations.label(name)

    def _forward(self, t: int) -> None:
        known = self.rows[t]
        known |= {name: value for name, value in self.given.items() if not isinstance(value[0], list)}
        known |= {"x": self.x[t], "dy": self.dy[t]}
        known |= {part: self.rows[t - 1][f"{part}_new"] if t > 1 else self.first[part] for part in self.cell.state}
        self._compute(self.lines.forward, known)

    def _backward(self, t: int) -> None:
        later, known = self.rows.get(t + 1), self.rows[t]
        known["p"] = later["dh"] if later else [ZERO] * len(self.first["h"])
        for part in self.cell.state[1:]:
            known[f"d{part}_next"] = later[f"d{part}"] if later else [ZERO] * self.units
        self._compute(self.lines.backward, known)

    def _compute(self, names: list[str], known: dict[str, Rows]) -> None:
        for name in names:
            found = [rounded(x, self.digits) for x in evaluated(self.graph, name, known, self.given)]
            known[name] = found * len(self.first["h"]) if name == "dh" and len(found) == 1 else found

    def _gradients(self) -> dict[str, tuple[str, str, str, Any]]:
        found: dict[str, tuple[str, str, str, Any]] = {}
        for name, (operand, adjoint) in self.lines.equations.sums.items():
            line = self.lines.line(adjoint)
            left = None if operand is None else self.lines.line(operand)
            total = summed([(self.rows[t][left] if left else None, self.rows[t][line]) for t in self.rows])
            numbers = [
                [rounded(x, self.digits) for x in row] if isinstance(row, list) else rounded(row, self.digits)
                for row in total
            ]
            text = f"d{self.plain.name(name)} = sum over t of {f'{self.plain.name(left)}^T ' if left else ''}"
            latex = rf"d{self.latex.name(name)} = \Sigma_t\, {f'{self.latex.name(left)}^{{T}} ' if left else ''}"
            found[self.plain.name(name)] = (
                self._label(name), text + self.plain.name(line), latex + self.latex.name(line), numbers
            )  # fmt: skip
        return found

    def _title(self) -> str:
        own = {f.name: (f.default, getattr(self.cell, f.name)) for f in fields(self.cell)}  # type: ignore[arg-type]
        chosen = [(name, value) for name, (default, value) in own.items() if value != default or name == "reset"]
        options = ", ".join(f"{name}={value}" for name, value in chosen if isinstance(value, bool | int | float | str))
        kind = type(self.cell).__name__.removesuffix("Cell")
        return f"{kind}{f' ({options})' if options else ''}, {self.units} units, {self.steps} steps"


def _decimal(value: float) -> Decimal:
    return Decimal(repr(float(value)))
