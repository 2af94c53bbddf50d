"""A report has one row per tensor, which names the entry that is most in doubt, and the kinks of f."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

Index = tuple[int, ...]
SEVERITY = {"pass": 0, "zero": 0, "kink": 0, "inconclusive": 1, "fail": 2}
COLUMNS = ("tensor", "shape", "scale", "error", "tolerance", "status", "worst", "analytic", "numeric", "evaluations")

LEGEND = (
    "scale: largest entry of the gradient. error: largest |analytic - numeric| over scale; passes up to tolerance.",
    "worst: the entry most in doubt, analytic: its value in the gradient checked, numeric: by f. evaluations: of f.",
)


class KinkAt(NamedTuple):
    """Names a place where f is not differentiable, with the slopes on its two sides.

    Args:
        name: the tensor.
        index: the entry that moves; None along a direction.
        left: the slope of f below the point.
        right: the slope of f above the point.
        analytic: the value of the gradient that was checked.

    Example:
        >>> print(ns.gradcheck(lambda at: np.abs(at["x"]).sum(), {"x": np.zeros(2)}, {"x": np.zeros(2)}).kinks[0])
        kink at x[0]: slopes -1 and 1, analytic 0
    """

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
    """Reports the check of one tensor, in a row of the table.

    Args:
        name: the tensor.
        shape: its shape.
        scale: its largest gradient entry, to which `error` and `tolerance` are relative.
        error: the largest error of an entry, or of a slope along a direction.
        tolerance: the largest error that passes.
        status: "pass"; "kink", passed, with kinks of f among the entries; "zero", passed, because the gradient is zero
            as far as the rounding of f shows; "inconclusive", not passed, because the rounding hides it; or "fail".
        index: the entry that is most in doubt; None along a direction.
        analytic: its value in the gradient that was checked.
        numeric: its value according to f.
        evaluations: how often f was called for this tensor.
        note: what else the method found.
        where: the wrong entries in words, "steps 0 to 3 of 5, all sequences" say; "" if none is known.
        axes: the names of its axes in such words; () for numbers.
        kinks: the places where f is not differentiable.
        errors: the error of every entry, in the tensor's shape; None for a method that takes directions.
        estimate: the gradient according to f, in the tensor's shape; None for a method that takes directions.
        direction: the direction (size,) that is most in doubt; None for a method that takes entries.

    Example:
        >>> ns.gradcheck(lambda at: at["x"].sum(), {"x": np.ones(2)}, {"x": np.array([1.0, 3.0])}).tensors[0].index
        (1,)
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
    where: str = ""
    axes: tuple[str, ...] = ()
    kinks: tuple[KinkAt, ...] = ()
    errors: np.ndarray | None = field(default=None, repr=False, compare=False)
    direction: np.ndarray | None = field(default=None, repr=False, compare=False)
    estimate: np.ndarray | None = field(default=None, repr=False, compare=False)

    @property
    def passed(self) -> bool:
        """Returns whether the tensor passed; an inconclusive one has not."""
        return SEVERITY[self.status] == 0

    def cells(self) -> tuple[str, ...]:
        """Returns the row of the table, a string per column."""
        worst = "" if self.index is None else located("", self.index)
        numbers = f"{self.scale:.3g}", f"{self.error:.2e}", f"{self.tolerance:.2e}"
        values = f"{self.analytic:.8g}", f"{self.numeric:.8g}", str(self.evaluations)
        return self.name, str(self.shape), *numbers, self.status, worst, *values


def located(name: str, index: Index | None) -> str:
    """Returns name[i, j], or the name alone for a scalar or a direction."""
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def index_of(entry: int, shape: tuple[int, ...]) -> Index:
    """Returns the index of an entry of the flattened tensor."""
    return tuple(int(i) for i in np.unravel_index(entry, shape))
