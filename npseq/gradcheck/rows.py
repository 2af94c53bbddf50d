"""A report has a row a tensor, which names the entry that is most in doubt and the kinks."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

Index = tuple[int, ...]
SEVERITY = {"pass": 0, "zero": 0, "kink": 0, "inconclusive": 1, "fail": 2}
COLUMNS = ("tensor", "shape", "scale", "error", "tolerance", "status", "worst", "analytic", "numeric", "evaluations")


class KinkAt(NamedTuple):
    """A point where f is not differentiable: the entry, the slopes on its two sides, and the analytic value."""

    name: str
    index: Index | None  # type: ignore[assignment]  # tuple has a method of this name
    left: float
    right: float
    analytic: float

    def __str__(self) -> str:
        where = located(self.name, self.index)
        return f"kink at {where}: slopes {self.left:.5g} and {self.right:.5g}, analytic {self.analytic:.5g}"


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
    index: Index | None = None
    analytic: float = 0.0
    numeric: float = 0.0
    evaluations: int = 0
    note: str = ""
    kinks: tuple[KinkAt, ...] = ()
    errors: np.ndarray | None = field(default=None, repr=False, compare=False)  # of every entry, in the tensor's shape
    direction: np.ndarray | None = field(default=None, repr=False, compare=False)

    @property
    def passed(self) -> bool:
        return SEVERITY[self.status] == 0

    def cells(self) -> tuple[str, ...]:
        """The row of the table, in the order of COLUMNS."""
        worst = "" if self.index is None else located("", self.index)
        numbers = f"{self.scale:.3g}", f"{self.error:.2e}", f"{self.tolerance:.2e}"
        values = f"{self.analytic:.8g}", f"{self.numeric:.8g}", str(self.evaluations)
        return self.name, str(self.shape), *numbers, self.status, worst, *values


def located(name: str, index: Index | None) -> str:
    """name[i, j], or the name alone for a scalar or a direction."""
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def index_of(entry: int, shape: tuple[int, ...]) -> Index:
    """The index of an entry of the flattened tensor."""
    return tuple(int(i) for i in np.unravel_index(entry, shape))
