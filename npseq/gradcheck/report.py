"""A gradient check returns a report, which prints as a table and draws itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, NamedTuple

from npseq.backend import Array
from npseq.gradcheck.function import Scalar, ScalarFunction
from npseq.gradcheck.plot import plot_check
from npseq.gradcheck.rows import COLUMNS, LEGEND, SEVERITY, Index, KinkAt, TensorReport, located
from npseq.plot import save_figure
from npseq.shown import columns, in_notebooks

GROUPS = 5  # tensors that are wrong elsewhere are named up to so many times in the first line


class Worst(NamedTuple):
    """Names the entry that is most in doubt.

    Args:
        name: the tensor.
        index: the entry; None for a method that takes directions.
        analytic: its value in the gradient that was checked.
        numeric: its value according to f.

    Example:
        >>> ns.gradcheck(lambda at: at["x"].sum(), {"x": np.ones(2)}, {"x": np.array([1.0, 3.0])}).worst[:3]
        ('x', (1,), 3.0)
    """

    name: str
    index: Index | None  # type: ignore[assignment]  # tuple has a method of this name
    analytic: float
    numeric: float


@in_notebooks
@dataclass(frozen=True)
class Report:
    """Reports a check: bool(report) is report.passed, and str(report) is a table with one row per tensor.

    Args:
        method: the method of the check.
        tensors: the rows.
        evaluations: how often f was called.
        note: a last line of the table.
        f: the function that was checked, for `plot`.
        at: the point.

    Example:
        >>> ns.gradcheck(lambda at: at["x"].sum(), {"x": np.ones(2)}, {"x": np.ones(2)}).passed
        True
    """

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
        """Returns whether every tensor passed; an inconclusive one has not."""
        return all(tensor.passed for tensor in self.tensors)

    @property
    def max_error(self) -> float:
        """Returns the largest error of any tensor, relative to that tensor's own scale."""
        return max((tensor.error for tensor in self.tensors), default=0.0)

    @property
    def kinks(self) -> tuple[KinkAt, ...]:
        """Lists every place where f is not differentiable."""
        return tuple(kink for tensor in self.tensors for kink in tensor.kinks)

    @property
    def worst_tensor(self) -> TensorReport:
        """Returns the row of the worst entry: a failure before an inconclusive one before one that passed."""
        return max(self.tensors, key=lambda tensor: (SEVERITY[tensor.status], tensor.error / (tensor.tolerance or 1)))

    @property
    def worst(self) -> Worst:
        """Returns the worst tensor's worst entry, with its analytic and its numeric value."""
        row = self.worst_tensor
        return Worst(row.name, row.index, row.analytic, row.numeric)

    @property
    def verdict(self) -> str:
        """Returns one sentence: what passed and how well, or which tensors are wrong or undecided, and where."""
        method = f"gradcheck, method {self.method!r}"
        if self.passed:
            return f"passed: {_counted(len(self.tensors))}, max error {self.max_error:.2e} of the scale ({method})"
        found = [
            _told(self.tensors, status, word) for status, word in (("fail", "wrong"), ("inconclusive", "undecided"))
        ]
        return f"NOT PASSED: {'; '.join(filter(None, found))} ({method})"

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        head = [self.verdict]
        if not self.passed:
            name, index, analytic, numeric = self.worst
            values = f"analytic {analytic:.10g}, numeric {numeric:.10g}"
            head.append(f"worst: {located(name, index)}, {values}, error {self.max_error:.2e} of the scale")
        notes = [f"{tensor.name}: {tensor.note}" for tensor in self.tensors if tensor.note]
        kinks = [str(kink) for kink in self.kinks[:5]]
        if len(self.kinks) > 5:
            kinks.append(f"and {len(self.kinks) - 5} more kinks")
        return "\n".join([*head, *_table(self.tensors), *LEGEND, *notes, *kinks, *([self.note] if self.note else [])])

    def plot(self, path: str | PathLike[str] | None = None) -> Any:
        """Draws the error against the step size at the worst entry, and a map of the errors of its tensor.

        Args:
            path: the file to write, or a figure of npseq's to replace; None writes none.

        Returns:
            The Matplotlib figure. f is evaluated anew for it.
        """
        f = None if self.f is None else ScalarFunction(self.f, self.at)
        figure = plot_check(self.method, self.tensors, self.worst_tensor, f)
        if path is not None:
            save_figure(figure, path, dpi=150)
        return figure


def _counted(many: int) -> str:
    return f"{many} tensor{'' if many == 1 else 's'}"


def _told(tensors: tuple[TensorReport, ...], status: str, word: str) -> str:
    """Lists the tensors with a status, those with wrong entries at the same places together; "" if there is none."""
    groups: dict[str, list[str]] = {}
    for tensor in tensors:
        if tensor.status == status:
            groups.setdefault(tensor.where, []).append(tensor.name)
    if not groups:
        return ""
    many = sum(map(len, groups.values()))
    parts = [", ".join(names) + (f" ({where})" if where else "") for where, names in list(groups.items())[:GROUPS]]
    more = [] if len(groups) <= GROUPS else [f"and {sum(map(len, list(groups.values())[GROUPS:]))} more"]
    return f"{many} of {_counted(len(tensors))} {word}: {', '.join([*parts, *more])}"


def _table(tensors: tuple[TensorReport, ...]) -> list[str]:
    return columns([COLUMNS, *(tensor.cells() for tensor in tensors)])
