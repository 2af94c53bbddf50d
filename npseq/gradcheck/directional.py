"""A few random directions per tensor: for tensors too large for every entry, with the chance of missing an error."""

from __future__ import annotations

from math import erf, sqrt
from typing import NamedTuple

import numpy as np

from npseq.gradcheck.differences import Derivative, Kink, difference, step_size
from npseq.gradcheck.extrapolation import derivative_near
from npseq.gradcheck.function import EPSILON, ScalarFunction
from npseq.gradcheck.noise import rounding_noise
from npseq.gradcheck.report import KinkAt, TensorReport
from npseq.gradcheck.verdict import RESOLUTION, Tolerance

RTOL = 1e-6
FEWEST, MOST = 3, 16
WRONG = 1e-3  # the chance is stated for one entry wrong by this much of the scale
CHANCE = 1e-6  # directions are added until the chance is below it; where MOST do not do, nothing is decided


class Slope(NamedTuple):
    """Along one direction: <gradient, v>, the numeric slope, and how far f bends over the size of the values."""

    expected: float
    numeric: Derivative
    bend: float


def check_directional(
    f: ScalarFunction,
    origin: float,
    shapes: dict[str, tuple[int, ...]],
    analytic: dict[str, np.ndarray],
    tolerance: dict[str, Tolerance],
    rng: np.random.Generator,
) -> list[TensorReport]:
    """A row a tensor: <gradient, v> against the derivative along v, v Gaussian with independent entries.

    One entry wrong by e changes <gradient, v> by e v_i, and any error vector of norm e by a Gaussian of the same
    width, so directions with tolerances tau_k all miss it with probability prod_k erf(tau_k / (e sqrt 2)).
    """
    noise = rounding_noise(f, origin, rng)
    return [
        _check_tensor(f, origin, name, shapes[name], analytic[name], tolerance[name], noise, rng) for name in shapes
    ]


def chance_of_missing(error: float, tolerances: list[float]) -> float:
    """The probability that Gaussian directions with these tolerances all overlook a gradient error of norm `error`."""
    if error <= 0:
        return 0.0
    return float(np.prod([erf(tolerance / (error * sqrt(2))) for tolerance in tolerances]))


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
    found: list[Slope] = []
    directions: list[np.ndarray] = []
    finite = bool(np.all(np.isfinite(analytic)))
    while analytic.size and finite and len(found) < MOST:
        v = rng.standard_normal(analytic.size)
        directions.append(v)
        expected = float(analytic @ v)
        scale = _scale(analytic, found)
        found.append(_along(f, name, v, expected, origin, noise, tolerance.rtol * max(scale, abs(expected)) / 4))
        scale = _scale(analytic, found)
        chance = chance_of_missing(WRONG * scale, _limits(found, tolerance.rtol * scale))
        if len(found) >= FEWEST and chance <= CHANCE:
            break
    return _row(name, shape, analytic, found, directions, tolerance, f.evaluations - before, noise / f.typical(name))


def _along(
    f: ScalarFunction, name: str, v: np.ndarray, expected: float, origin: float, noise: float, target: float
) -> Slope:
    """The derivative along v, steps measured in the tensor's typical value over the norm of v."""
    length = float(np.linalg.norm(v))
    line = f.along({name: v / length}, origin)
    h = step_size(line, f.typical(name), noise)
    unit = derivative_near(line, h, noise, target / length, f.typical(name))
    kink = None if unit.kink is None else Kink(length * unit.kink.left, length * unit.kink.right)
    numeric = Derivative(length * unit.value, length * unit.error, length * unit.low, length * unit.high, kink)
    bend = 0.0 if expected else length * abs(difference(line, f.typical(name), noise).asymmetry)
    return Slope(expected, numeric, bend)


def _scale(analytic: np.ndarray, found: list[Slope]) -> float:
    """The largest analytic entry, or the root mean square of the numeric gradient as the directions show it."""
    seen = [numeric.value**2 for _, numeric, _ in found if np.isfinite(numeric.value)]
    root_mean_square = sqrt(sum(seen) / len(seen) / analytic.size) if seen else 0.0
    return max(float(np.max(np.abs(analytic))), root_mean_square)


def _limits(found: list[Slope], allowed: float) -> list[float]:
    """The tolerance of each direction: what is allowed, the numeric error, and the slopes a kink leaves open."""
    return [allowed + numeric.error + (numeric.high - numeric.low) for _, numeric, _ in found]


def _row(
    name: str,
    shape: tuple[int, ...],
    analytic: np.ndarray,
    found: list[Slope],
    directions: list[np.ndarray],
    tolerance: Tolerance,
    evaluations: int,
    least: float,
) -> TensorReport:
    """The verdict over the directions of one tensor."""
    if not analytic.size:
        return TensorReport(name, shape, 0.0, 0.0, tolerance.rtol, "pass", None, 0.0, 0.0, evaluations)
    if not found:
        bad = int(np.flatnonzero(~np.isfinite(analytic))[0])
        index = tuple(int(i) for i in np.unravel_index(bad, shape))
        value, nan = float(analytic[bad]), float("nan")
        note = "the analytic gradient is not finite"
        return TensorReport(name, shape, nan, np.inf, tolerance.rtol, "fail", index, value, nan, evaluations, note)
    scale = _scale(analytic, found)
    distances = np.array([max(n.low - a, a - n.high, 0.0) for a, n, _ in found])
    limits = _limits(found, tolerance.rtol * scale)
    chance = chance_of_missing(WRONG * scale, limits)
    zero = not analytic.any() and all(_is_zero(slope, 64 * least * sqrt(analytic.size)) for slope in found)
    worst = int(np.argmax(np.nan_to_num(distances, nan=np.inf) / np.maximum(limits, np.finfo(float).tiny)))
    errors = np.array([n.error for _, n, _ in found])
    status = _status(distances > tolerance.rtol * scale + errors, zero, chance, any(n.kink for _, n, _ in found))
    relative = 0.0 if zero or scale == 0 else float(np.nanmax(distances, initial=0.0) / scale)
    note = f"{len(found)} directions miss one entry wrong by {WRONG:g} of the scale with probability {chance:.1g}"
    if status == "zero":
        note = f"zero along {len(found)} directions, as far as the rounding of f shows"
    elif status == "inconclusive":
        note += "; use method='complex' or 'central'"
    expected, numeric, _ = found[worst]
    kinks = tuple(KinkAt(name, None, *n.kink, a) for a, n, _ in found if n.kink is not None)
    limit = float(limits[worst] / scale) if scale > 0 else tolerance.rtol
    return TensorReport(
        name,
        shape,
        scale,
        relative,
        limit,
        status,
        None,
        expected,
        numeric.value,
        evaluations,
        note,
        kinks,
        direction=directions[worst],
    )


def _is_zero(slope: Slope, flat: float) -> bool:
    """Whether the slope is zero within its error, and that is small beside f's bend or as small as a flat f leaves.

    The point itself is rounded, which moves the slope by about the bend times the spacing of float64.
    """
    value, error = slope.numeric.value, slope.numeric.error + 8 * EPSILON * slope.bend
    return value == 0 or abs(value) <= error <= max(flat, RESOLUTION * slope.bend)


def _status(wrong: np.ndarray, zero: bool, chance: float, kink: bool) -> str:
    """zero before fail before inconclusive before kink before pass."""
    if zero:
        return "zero"
    if wrong.any():
        return "fail"
    if not chance <= CHANCE:
        return "inconclusive"
    return "kink" if kink else "pass"
