"""Method "directional" compares slopes along a few random directions, and states its chance of missing an error.

It is for tensors too large to check every entry.
"""

from math import erf, sqrt
from typing import NamedTuple

import numpy as np

from npseq.gradcheck.differences import Derivative, Kink, difference, step_size
from npseq.gradcheck.extrapolation import derivative
from npseq.gradcheck.function import EPSILON, ScalarFunction
from npseq.gradcheck.rows import KinkAt, TensorReport, index_of
from npseq.gradcheck.verdict import RESOLUTION, Tensor

RTOL = 1e-6
FEWEST, MOST = 3, 16
WRONG = 1e-3  # the chance is stated for one entry wrong by this much of the scale
CHANCE = 1e-6  # directions are added until the chance is below it; if MOST are too few, the check decides nothing


class Slope(NamedTuple):
    """Holds, along v: <gradient, v>, the numeric slope, how far f bends over the size of the values, and v."""

    expected: float
    numeric: Derivative
    bend: float
    direction: np.ndarray

    @property
    def distance(self) -> float:
        """Returns how far the expected slope lies outside the interval of the numeric one."""
        return max(self.numeric.low - self.expected, self.expected - self.numeric.high, 0.0)


def check_directional(tensor: Tensor, f: ScalarFunction, rng: np.random.Generator) -> TensorReport:
    """Compares <gradient, v> of one tensor with the derivative along v, for Gaussian v with independent entries.

    One entry wrong by e changes <gradient, v> by e v_i, and any error vector of norm e by a Gaussian of the same
    width, so directions with tolerances tau_k all miss it with probability prod_k erf(tau_k / (e sqrt 2)).
    """
    name, shape, analytic, (rtol, _) = tensor
    if not analytic.size:
        return TensorReport(name, shape, 0.0, 0.0, rtol, "pass")
    bad = np.flatnonzero(~np.isfinite(analytic))
    if bad.size:
        value, note = float(analytic[bad[0]]), "the analytic gradient is not finite"
        return TensorReport(
            name, shape, np.nan, np.inf, rtol, "fail", index_of(bad[0], shape), value, np.nan, note=note
        )
    found: list[Slope] = []
    while len(found) < MOST:
        v = rng.standard_normal(analytic.size)
        expected = float(analytic @ v)
        found.append(_along(f, name, v, expected, rtol * max(_scale(analytic, found), abs(expected)) / 4))
        scale = _scale(analytic, found)
        if len(found) >= FEWEST and chance_of_missing(WRONG * scale, _limits(found, rtol * scale)) <= CHANCE:
            break
    return _row(tensor, found, f.noise / f.typical(name))


def chance_of_missing(error: float, tolerances: list[float]) -> float:
    """Returns the probability that Gaussian directions with these tolerances all miss a gradient error of this norm."""
    if error <= 0:
        return 0.0
    return float(np.prod([erf(tolerance / (error * sqrt(2))) for tolerance in tolerances]))


def _along(f: ScalarFunction, name: str, v: np.ndarray, expected: float, target: float) -> Slope:
    """Differentiates f along v; steps are measured in the tensor's typical value over the norm of v."""
    length = float(np.linalg.norm(v))
    line = f.along(name, v / length)
    unit = derivative(line, step_size(line), target / length)
    kink = None if unit.kink is None else Kink(length * unit.kink.left, length * unit.kink.right)
    numeric = Derivative(length * unit.value, length * unit.error, length * unit.low, length * unit.high, kink)
    bend = 0.0 if expected else length * abs(difference(line, line.typical).asymmetry)
    return Slope(expected, numeric, bend, v)


def _scale(analytic: np.ndarray, found: list[Slope]) -> float:
    """Returns the largest analytic entry, or the root mean square of the numeric ones if that is larger."""
    seen = [slope.numeric.value**2 for slope in found if np.isfinite(slope.numeric.value)]
    root_mean_square = sqrt(sum(seen) / len(seen) / analytic.size) if seen else 0.0
    return max(float(np.max(np.abs(analytic))), root_mean_square)


def _limits(found: list[Slope], allowed: float) -> list[float]:
    """Adds to what is allowed the numeric error of each direction, and the interval that a kink leaves open."""
    return [allowed + numeric.error + (numeric.high - numeric.low) for _, numeric, _, _ in found]


def _row(tensor: Tensor, found: list[Slope], least: float) -> TensorReport:
    """Judges one tensor by its directions."""
    name, shape, analytic, (rtol, _) = tensor
    scale = _scale(analytic, found)
    distances = np.array([slope.distance for slope in found])
    limits = _limits(found, rtol * scale)
    chance = chance_of_missing(WRONG * scale, limits)
    zero = not analytic.any() and all(_is_zero(slope, 64 * least * sqrt(analytic.size)) for slope in found)
    errors = np.array([slope.numeric.error for slope in found])
    kinks = tuple(KinkAt(name, None, *n.kink, expected) for expected, n, _, _ in found if n.kink is not None)
    status = _status(distances > rtol * scale + errors, zero, chance, bool(kinks))
    note = f"{len(found)} directions miss one entry wrong by {WRONG:g} of the scale with probability {chance:.1g}"
    if status == "zero":
        note = f"zero along {len(found)} directions, as far as the rounding of f shows"
    elif status == "inconclusive":
        note += "; use method='complex' or 'central'"
    worst = int(np.argmax(np.nan_to_num(distances, nan=np.inf) / np.maximum(limits, np.finfo(float).tiny)))
    return TensorReport(
        name,
        shape,
        scale,
        error=0.0 if zero or scale == 0 else float(np.nanmax(distances, initial=0.0) / scale),
        tolerance=float(limits[worst] / scale) if scale > 0 else rtol,
        status=status,
        analytic=found[worst].expected,
        numeric=found[worst].numeric.value,
        note=note,
        kinks=kinks,
        direction=found[worst].direction,
    )


def _is_zero(slope: Slope, flat: float) -> bool:
    """Returns whether the slope is zero within its error, and that is small beside f's bend or the rest of a flat f."""
    # The point itself is rounded, which moves the slope by about the bend times the spacing of float64.
    value, error = slope.numeric.value, slope.numeric.error + 8 * EPSILON * slope.bend
    return value == 0 or abs(value) <= error <= max(flat, RESOLUTION * slope.bend)


def _status(wrong: np.ndarray, zero: bool, chance: float, kink: bool) -> str:
    """Returns the first of zero, fail, inconclusive, kink and pass that applies."""
    if zero:
        return "zero"
    if wrong.any():
        return "fail"
    if not chance <= CHANCE:
        return "inconclusive"
    return "kink" if kink else "pass"
