"""The analytic and the numeric entries of one tensor are compared: its verdict is a row of the report."""

from typing import NamedTuple

import numpy as np

from npseq.gradcheck.differences import Derivative
from npseq.gradcheck.places import UNNAMED, Labels, places
from npseq.gradcheck.rows import KinkAt, TensorReport, index_of

RESOLUTION = 1e-4  # without an rtol of the caller, a check that rounding leaves coarser than this decides nothing


class Tolerance(NamedTuple):
    """Holds the rtol asked for, and the `resolution`: the coarsest that f's rounding may leave and still count."""

    rtol: float
    resolution: float

    @classmethod
    def of(cls, rtol: float | None, default: float, dtype: np.dtype) -> "Tolerance":
        """Takes the caller's rtol, or a method's default, which is 1e-4 at least for a float32 gradient."""
        if rtol is not None:
            return cls(rtol, rtol)
        asked = default if dtype.itemsize >= 8 else max(default, 1e-4)
        return cls(asked, max(asked, RESOLUTION))


class Tensor(NamedTuple):
    """Holds what a method checks: one tensor's analytic gradient, flattened, in float64, and the tolerance.

    axis: the one along which each slice has a scale of its own; None is one scale for all.
    labels: what its axes are called in the report.
    """

    name: str
    shape: tuple[int, ...]
    analytic: np.ndarray
    tolerance: Tolerance
    axis: int | None = None
    labels: Labels = UNNAMED

    @property
    def slices(self) -> np.ndarray | None:
        """Returns the slice that each entry lies in, (size,); None if there is one scale for all."""
        if self.axis is None:
            return None
        slices: np.ndarray | None = np.indices(self.shape)[self.axis].reshape(-1)
        return slices


class Estimate:
    """Holds the numeric gradient of one tensor: of every entry a value, a bound on its error, and its interval."""

    def __init__(self, value: np.ndarray, error: np.ndarray, slices: np.ndarray | None = None):
        self.slices = slices
        self.value = value
        self.error = error
        self.low = value.copy()
        self.high = value.copy()
        self.kinks: dict[int, tuple[float, float]] = {}

    def replace(self, entry: int, found: Derivative) -> None:
        """Takes a better derivative for one entry."""
        self.value[entry], self.error[entry] = found.value, found.error
        self.low[entry], self.high[entry] = found.low, found.high
        if found.kink is not None:
            self.kinks[entry] = found.kink

    def distance(self, analytic: np.ndarray) -> np.ndarray:
        """Returns how far each analytic entry lies outside its interval; infinite if it is not finite."""
        with np.errstate(invalid="ignore"):
            outside = np.maximum(np.maximum(self.low - analytic, analytic - self.high), 0.0)
        return np.where(np.isfinite(analytic), outside, np.inf)

    def scale(self, analytic: np.ndarray) -> np.ndarray:
        """Returns, for each entry, the largest finite one of either gradient, to which the error is relative.

        That is of the whole tensor, or of the entry's slice. At a kink, the numeric one is the slope that is nearest to
        the analytic one.
        """
        pair = np.abs([analytic, np.clip(analytic, self.low, self.high)])
        entries = np.max(pair, axis=0, initial=0.0, where=np.isfinite(pair))
        if self.slices is None:
            return np.full(analytic.shape, np.max(entries, initial=0.0))
        largest = np.zeros(np.max(self.slices, initial=0) + 1)
        np.maximum.at(largest, self.slices, entries)
        scales: np.ndarray = largest[self.slices]
        return scales


def judge(tensor: Tensor, numeric: Estimate, *, zero: bool, advice: str) -> TensorReport:
    """Returns the row of one tensor. zero: both gradients are zero, as far as rounding shows.

    An entry fails if it is further out than rtol and the numeric error together; one within them, but with a numeric
    error above the resolution, is inconclusive, and `advice` says what to do.
    """
    name, shape, analytic, (rtol, resolution) = tensor[:4]
    scale = numeric.scale(analytic)
    distance = numeric.distance(analytic)
    error = np.where(np.isfinite(numeric.error), numeric.error, np.inf)
    wrong = (distance > rtol * scale + error) | ~np.isfinite(analytic)
    unclear = ~wrong & ((error > resolution * scale) | np.isnan(distance))
    relative = _relative(np.zeros_like(distance) if zero else distance, scale)
    order = np.where(wrong, 2.0 * (1 + relative), np.nan_to_num(relative, nan=1.0))
    kinks = tuple(
        KinkAt(name, index_of(entry, shape), *slopes, float(analytic[entry])) for entry, slopes in numeric.kinks.items()
    )
    doubt = _largest(_relative(error, scale))
    where = places(wrong.reshape(shape), tensor.labels) if wrong.any() else ""
    if wrong.any():
        status, note = "fail", _wrong_entries(wrong, where)
    elif zero:
        status, note = "zero", f"zero as far as the rounding of f shows, {_largest(error):.1e}"
    elif unclear.any():
        status, note = "inconclusive", _what_hides(tensor, numeric, unclear, doubt, advice)
    else:
        status, note = "kink" if kinks else "pass", ""
    worst = int(np.argmax(order)) if analytic.size else None
    return TensorReport(
        name=name,
        shape=shape,
        scale=float(np.max(scale, initial=0.0)),
        error=_largest(relative),
        tolerance=rtol + (0.0 if zero else min(doubt, resolution)),
        status=status,
        index=None if worst is None else index_of(worst, shape),
        analytic=0.0 if worst is None else float(analytic[worst]),
        numeric=0.0 if worst is None else float(numeric.value[worst]),
        note=note,
        where=where,
        axes=tensor.labels.axes,
        kinks=kinks,
        errors=relative.reshape(shape),
        estimate=numeric.value.reshape(shape),
    )


def _wrong_entries(wrong: np.ndarray, where: str) -> str:
    told = "" if wrong.all() else f": {where}"
    return f"{np.count_nonzero(wrong)} of {wrong.size} entries wrong{told}"


def _what_hides(tensor: Tensor, numeric: Estimate, unclear: np.ndarray, doubt: float, advice: str) -> str:
    """Why these entries are inconclusive. doubt: the largest numeric error, relative to the scale."""
    if np.isfinite(doubt):
        limit = f"{tensor.tolerance.resolution:.1e}{_where(tensor, unclear)}"
        return f"an error of {doubt:.1e} of the gradient's scale can hide here, above {limit}; {advice}"
    if np.all(np.isfinite(numeric.value)):
        return f"the numeric gradient cannot be trusted, rounding hides whether it is right; {advice}"
    return "f is not finite around the point, at any step"


def _relative(values: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Divides by the scale; a zero error of a zero gradient is zero."""
    none = np.where(np.isfinite(values), 0.0, values)
    relative: np.ndarray = np.divide(values, scale, out=none, where=scale > 0)
    return relative


def _where(tensor: Tensor, entries: np.ndarray) -> str:
    """Names the slices that hold one of these entries, in the order of time; "" where there is one scale for all."""
    if tensor.slices is None:
        return ""
    steps = np.unique(tensor.slices[entries])
    span = f"{steps[0]} to {steps[-1]}" if len(steps) == steps[-1] - steps[0] + 1 else ", ".join(map(str, steps))
    return f", at steps {span} of {tensor.shape[tensor.axis or 0]}"


def _largest(values: np.ndarray) -> float:
    return float(np.max(values[~np.isnan(values)], initial=0.0))
