"""The Taylor test: the remainders of f along a direction must shrink like h, and with the gradient's term like h^2."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from npseq.gradcheck.function import EPSILON, ScalarFunction, unit_direction
from npseq.gradcheck.noise import rounding_noise
from npseq.gradcheck.report import TensorReport
from npseq.gradcheck.verdict import Tolerance

RTOL = 1e-6
HALVINGS = 44
DIRECTIONS = 3
WINDOW = 6  # the slopes are fitted over this many of the shortest steps that rounding leaves alone
FEWEST = 4
CLEAR = 100.0  # a remainder is used where it is this many times the rounding of f
QUADRATIC = 1.9  # the least slope of the second remainder; it may be more where f'' vanishes
BLUNT = 1e-3  # where the second remainder hides more than this of the gradient, its slope decides nothing


class Remainders(NamedTuple):
    """Along one direction: the steps h, |f(x + h v) - f(x)|, |f(x + h v) - f(x) - h <g, v>|, fitted slopes, and more.

    hidden: the most that a linear part of the second remainder can be. A slope is NaN where rounding leaves too few
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


def check_taylor(
    f: ScalarFunction,
    origin: float,
    shapes: dict[str, tuple[int, ...]],
    analytic: dict[str, np.ndarray],
    tolerance: dict[str, Tolerance],
    rng: np.random.Generator,
) -> list[TensorReport]:
    """A row a tensor: the slopes of both remainders in the step, along random directions; the median decides.

    The gradient is right where the second slope is 2 (Farrell, Ham, Funke and Rognes, SIAM J. Sci. Comput. 35, 2013),
    or where it stays below rtol of the first-order term, down to the rounding of f (f linear along the direction).
    The row's error is the most that the second remainder can hold of a first-order term. A kink of f near the point
    looks like a wrong gradient here.
    """
    noise = rounding_noise(f, origin, rng)
    return [
        _check_tensor(f, origin, name, shapes[name], analytic[name], tolerance[name], noise, rng) for name in shapes
    ]


def _check_tensor(
    f: ScalarFunction,
    origin: float,
    name: str,
    shape: tuple[int, ...],
    analytic: np.ndarray,
    tolerance: Tolerance,
    noise: float,
    rng: np.random.Generator,
) -> TensorReport:
    before = f.evaluations
    if not analytic.size:
        return TensorReport(name, shape, 0.0, 0.0, tolerance.rtol, "pass", None, 0.0, 0.0, 0)
    if not np.all(np.isfinite(analytic)):
        nan = float("nan")
        note = "the analytic gradient is not finite"
        return TensorReport(name, shape, nan, np.inf, tolerance.rtol, "fail", None, nan, nan, 0, note)
    found = []
    for _ in range(DIRECTIONS):
        v = unit_direction(rng, analytic.size)
        found.append(remainders(f, name, v, float(analytic @ v), origin, noise))
    return _row(name, shape, analytic, tolerance, found, f.evaluations - before, noise / f.typical(name))


def remainders(f: ScalarFunction, name: str, v: np.ndarray, expected: float, origin: float, noise: float) -> Remainders:
    """Both remainders along v at steps from the size of the values, or 1, down by halves; expected is <g, v>."""
    line = f.along({name: v}, origin)
    h = max(f.typical(name), 1.0) * 0.5 ** np.arange(HALVINGS)
    change = np.array([line.value(step) for step in h.tolist()]) - line.origin
    h, change = h[np.isfinite(change)], change[np.isfinite(change)]
    rounding = np.maximum(noise, EPSILON * (abs(line.origin) + np.abs(change)))
    first, second = np.abs(change), np.abs(change - h * expected)
    slopes = _slope(h, first, rounding), _slope(h, second, rounding)
    most = (second + 2 * rounding) / h
    best = int(np.argmin(most)) if most.size else 0
    hidden, numeric = (float(most[best]), float(change[best] / h[best])) if most.size else (np.inf, np.nan)
    return Remainders(h, first, second, slopes, hidden, expected, numeric, v)


def _slope(h: np.ndarray, remainder: np.ndarray, rounding: np.ndarray) -> float:
    """The slope of log remainder in log h over the shortest steps whose remainder stands clear of rounding."""
    window = np.flatnonzero(remainder >= CLEAR * rounding)[-WINDOW:]
    if window.size < FEWEST:
        return float("nan")
    return float(np.polyfit(np.log(h[window]), np.log(remainder[window]), 1)[0])


def _row(
    name: str,
    shape: tuple[int, ...],
    analytic: np.ndarray,
    tolerance: Tolerance,
    found: list[Remainders],
    evaluations: int,
    least: float,
) -> TensorReport:
    """The verdict over the directions of one tensor: the one with the median second slope speaks."""
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
        middle.hidden / scale if scale > 0 else 0.0,
        tolerance.rtol,
        status,
        None,
        middle.expected,
        middle.numeric,
        evaluations,
        note,
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
    """From the slopes; a NaN slope, all rounding, leaves it to what the remainder may hide.

    least: the rounding of f over the size of the values, which is what a flat f leaves of a remainder.
    """
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
