"""Method "taylor": the remainders of f along a direction must shrink like h, and with the gradient's term like h^2."""

from typing import NamedTuple

import numpy as np

from npseq.gradcheck.function import EPSILON, ScalarFunction, unit_direction
from npseq.gradcheck.rows import TensorReport
from npseq.gradcheck.verdict import Tensor, Tolerance

RTOL = 1e-6
HALVINGS = 44
DIRECTIONS = 3
WINDOW = 6  # the slopes are fitted over this many of the shortest steps that rounding leaves alone
FEWEST = 4
CLEAR = 100.0  # a remainder is used if it is this many times the rounding of f
QUADRATIC = 1.9  # the least slope of the second remainder; it may be more where f'' vanishes
BLUNT = 1e-3  # if the second remainder hides more than this of the gradient, its slope decides nothing


class Remainders(NamedTuple):
    """Holds, along v, the steps h, |f(x + h v) - f(x)|, |f(x + h v) - f(x) - h <g, v>|, their fitted slopes, and more.

    hidden: the most that a linear part of the second remainder can be. A slope is NaN if rounding leaves too few
    remainders to fit one.
    """

    h: np.ndarray
    first: np.ndarray
    second: np.ndarray
    slopes: tuple[float, float]
    hidden: float
    expected: float
    numeric: float
    direction: np.ndarray


def check_taylor(tensor: Tensor, f: ScalarFunction, rng: np.random.Generator) -> TensorReport:
    """Checks one tensor by the slopes of both remainders in the step, along random directions; the median decides.

    The gradient is right if the second slope is 2 (Farrell, Ham, Funke and Rognes, SIAM J. Sci. Comput. 35, 2013), or
    if it stays below rtol of the first-order term, down to the rounding of f (f linear along the direction).
    The row's error is the most that the second remainder can hold of a first-order term. A kink of f near the point
    looks like a wrong gradient here.
    """
    name, shape, analytic, (rtol, _) = tensor
    if not analytic.size:
        return TensorReport(name, shape, 0.0, 0.0, rtol, "pass")
    if not np.all(np.isfinite(analytic)):
        note = "the analytic gradient is not finite"
        return TensorReport(name, shape, np.nan, np.inf, rtol, "fail", None, np.nan, np.nan, note=note)
    directions = (unit_direction(rng, analytic.size) for _ in range(DIRECTIONS))
    found = [remainders(f, name, v, float(analytic @ v)) for v in directions]
    return _row(tensor, found, f.noise / f.typical(name))


def remainders(f: ScalarFunction, name: str, v: np.ndarray, expected: float) -> Remainders:
    """Computes both remainders along v at steps from the typical value, or 1, down by halves; expected is <g, v>."""
    line = f.along(name, v)
    h = max(line.typical, 1.0) * 0.5 ** np.arange(HALVINGS)
    change = np.array([line.value(step) for step in h.tolist()]) - line.origin
    h, change = h[np.isfinite(change)], change[np.isfinite(change)]
    rounding = np.maximum(line.noise, EPSILON * (abs(line.origin) + np.abs(change)))
    first, second = np.abs(change), np.abs(change - h * expected)
    slopes = _slope(h, first, rounding), _slope(h, second, rounding)
    most = (second + 2 * rounding) / h
    best = int(np.argmin(most)) if most.size else 0
    hidden, numeric = (float(most[best]), float(change[best] / h[best])) if most.size else (np.inf, np.nan)
    return Remainders(h, first, second, slopes, hidden, expected, numeric, v)


def _slope(h: np.ndarray, remainder: np.ndarray, rounding: np.ndarray) -> float:
    """Fits a line to logarithms, over the shortest steps with a remainder clear of rounding, and returns its slope."""
    window = np.flatnonzero(remainder >= CLEAR * rounding)[-WINDOW:]
    if window.size < FEWEST:
        return float("nan")
    return float(np.polyfit(np.log(h[window]), np.log(remainder[window]), 1)[0])


def _row(tensor: Tensor, found: list[Remainders], least: float) -> TensorReport:
    """Judges one tensor by the direction with the median second slope."""
    name, shape, analytic, tolerance = tensor
    scale = max(float(np.max(np.abs(analytic))), *(abs(r.numeric) for r in found if np.isfinite(r.numeric)), 0.0)
    middle = sorted(found, key=lambda r: r.hidden if np.isnan(r.slopes[1]) else -r.slopes[1])[len(found) // 2]
    first, second = middle.slopes
    status = _status(analytic, tolerance, found, middle, scale, least)
    note = f"remainders shrink with slopes {_shown(first)} and {_shown(second)} (right: 1 and 2)"
    if status == "inconclusive":
        note += "; the rounding of f hides the remainders, use method='complex'"
    return TensorReport(
        name,
        shape,
        scale,
        error=middle.hidden / scale if scale > 0 else 0.0,
        tolerance=tolerance.rtol,
        status=status,
        analytic=middle.expected,
        numeric=middle.numeric,
        note=note,
        direction=middle.direction,
    )


def _status(
    analytic: np.ndarray,
    tolerance: Tolerance,
    found: list[Remainders],
    middle: Remainders,
    scale: float,
    least: float,
) -> str:
    """Reads the slopes or, of NaN, what the remainder may hide. least: what a flat f leaves of a remainder."""
    flat = all(r.hidden <= 64 * least for r in found)
    if not analytic.any() and (middle.slopes[1] >= QUADRATIC or flat):
        return "zero"
    if all(r.hidden <= tolerance.rtol * scale for r in found):
        return "pass"
    if middle.slopes[1] < QUADRATIC:
        return "fail"
    return "pass" if middle.hidden <= max(tolerance.rtol, BLUNT) * scale else "inconclusive"


def _shown(slope: float) -> str:
    return "(none, all rounding)" if np.isnan(slope) else f"{slope:.2f}"
