"""What a gradient check found: a row a tensor, the worst entry, the kinks, and the table that shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from npseq.backend import Array
from npseq.gradcheck.function import Scalar

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Index = tuple[int, ...]
SEVERITY = {"pass": 0, "zero": 0, "kink": 0, "inconclusive": 1, "fail": 2}
COLUMNS = ("tensor", "shape", "scale", "error", "tolerance", "status", "worst", "analytic", "numeric", "evaluations")


class Worst(NamedTuple):
    """The entry that is most in doubt. index is None where a method looks along directions, not at entries."""

    name: str
    index: Index | None  # type: ignore[assignment]  # tuple has a method of this name
    analytic: float
    numeric: float


class KinkAt(NamedTuple):
    """A point where f is not differentiable: the entry, the slopes on its two sides, and the analytic value."""

    name: str
    index: Index | None  # type: ignore[assignment]
    left: float
    right: float
    analytic: float

    def __str__(self) -> str:
        place = located(self.name, self.index)
        return f"kink at {place}: slopes {self.left:.5g} and {self.right:.5g}, analytic {self.analytic:.5g}"


@dataclass(frozen=True)
class TensorReport:
    """One tensor: error and tolerance are relative to `scale`, its own largest gradient entry.

    status: "pass"; "kink", passed, with kinks of f among the entries; "zero", passed, the gradient is zero as far as
    the rounding of f lets anyone see; "inconclusive", not passed, f's rounding hides what is asked; "fail".
    """

    name: str
    shape: tuple[int, ...]
    scale: float
    error: float
    tolerance: float
    status: str
    index: Index | None
    analytic: float
    numeric: float
    evaluations: int
    note: str = ""
    kinks: tuple[KinkAt, ...] = ()
    errors: np.ndarray | None = field(default=None, repr=False, compare=False)  # of every entry, in the tensor's shape
    direction: np.ndarray | None = field(default=None, repr=False, compare=False)

    @property
    def passed(self) -> bool:
        return SEVERITY[self.status] == 0

    def cells(self) -> tuple[str, ...]:
        worst = "" if self.index is None else located("", self.index)
        numbers = f"{self.scale:.3g}", f"{self.error:.2e}", f"{self.tolerance:.2e}"
        values = f"{self.analytic:.8g}", f"{self.numeric:.8g}", str(self.evaluations)
        return self.name, str(self.shape), *numbers, self.status, worst, *values


@dataclass(frozen=True)
class Report:
    """The outcome of a check. bool(report) is report.passed; str(report) is a table, one row a tensor."""

    method: str
    tensors: tuple[TensorReport, ...]
    evaluations: int
    note: str = ""
    f: Callable[[dict[str, Array]], Scalar] | None = field(default=None, repr=False, compare=False)
    at: Mapping[str, Array] = field(default_factory=dict, repr=False, compare=False)

    def __bool__(self) -> bool:
        return self.passed

    @property
    def passed(self) -> bool:
        """Whether every tensor passed; an inconclusive one has not."""
        return all(tensor.passed for tensor in self.tensors)

    @property
    def max_error(self) -> float:
        """The largest error of any tensor, relative to that tensor's own scale."""
        return max((tensor.error for tensor in self.tensors), default=0.0)

    @property
    def kinks(self) -> tuple[KinkAt, ...]:
        """Every place where f is not differentiable."""
        return tuple(kink for tensor in self.tensors for kink in tensor.kinks)

    @property
    def worst_tensor(self) -> TensorReport:
        """The row of the worst entry: one that failed before one that could not be decided before one that passed."""
        return max(self.tensors, key=lambda tensor: (SEVERITY[tensor.status], tensor.error / (tensor.tolerance or 1)))

    @property
    def worst(self) -> Worst:
        """The worst tensor's worst entry, with its analytic and its numeric value."""
        row = self.worst_tensor
        return Worst(row.name, row.index, row.analytic, row.numeric)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        verdict = "passed" if self.passed else "NOT PASSED"
        head = f"gradcheck, method {self.method!r}: {verdict} (max error {self.max_error:.2e})"
        if not self.passed:
            name, index, analytic, numeric = self.worst
            head += f"\nworst: {located(name, index)}, analytic {analytic:.10g}, numeric {numeric:.10g}"
        notes = [f"{tensor.name}: {tensor.note}" for tensor in self.tensors if tensor.note]
        kinks = [str(kink) for kink in self.kinks[:5]]
        if len(self.kinks) > 5:
            kinks.append(f"and {len(self.kinks) - 5} more kinks")
        return "\n".join([head, *_table(self.tensors), *notes, *kinks, *([self.note] if self.note else [])])

    def plot(self, path: str | PathLike[str] | None = None) -> Figure:
        """The error against the step size at the worst entry, and a map of the errors over its tensor's entries.

        f is evaluated anew for the first. Written to `path` where one is given; returns the Matplotlib figure.
        """
        from npseq.gradcheck.plot import plot_report

        return plot_report(self, path)


def located(name: str, index: Index | None) -> str:
    """name[i, j], or the name alone for a scalar or a direction."""
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def _table(tensors: tuple[TensorReport, ...]) -> list[str]:
    rows = [COLUMNS, *(tensor.cells() for tensor in tensors)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
