"""Method "directional" compares slopes along a few random directions, and states its chance of missing an error.

It is for tensors too large to check every entry.
"""

from math import erf, sqrt
from typing import NamedTuple

import numpy as np

from npseq.gradcheck.differences import Derivative, Kink, step_size
from npseq.gradcheck.extrapolation import derivative
from npseq.gradcheck.function import EPSILON, ScalarFunction, root_mean_square
from npseq.gradcheck.rows import KinkAt, TensorReport, index_of
from npseq.gradcheck.verdict import Tensor
from npseq.gradcheck.zero import is_zero, slope_nearby

RTOL = 1e-6
FEWEST, MOST = 3, 16
WRONG = 1e-3  # the chance is stated for one entry wrong by this much of the scale
CHANCE = 1e-6  # directions are added until the chance is below it; if MOST are too few, the check decides nothing


class Slope(NamedTuple):
    """Holds, along v: <gradient, v>, the numeric slope, and v."""

    expected: float
    numeric: Derivative
    direction: np.ndarray

    @property
    def nearest(self) -> float:
        """Returns the numeric slope, at a kink the one nearest to what is expected."""
        return float(np.clip(self.expected, self.numeric.low, self.numeric.high))

    @property
    def distance(self) -> float:
        """Returns how far the expected slope lies outside the interval of the numeric one; infinite if not finite."""
        low, high = self.numeric.low - self.expected, self.expected - self.numeric.high
        return max(0.0, low, high) if np.isfinite(low) and np.isfinite(high) else float("inf")


def check_directional(tensor: Tensor, f: ScalarFunction, rng: np.random.Generator) -> TensorReport:
    """Compares <gradient, v> of one tensor with the derivative along v, for Gaussian v with independent entries.

    One entry wrong by e changes <gradient, v> by e v_i, and any error vector of norm e by a Gaussian of the same
    width, so directions with tolerances tau_k all miss it with probability prod_k erf(tau_k / (e sqrt 2)).
    """
    name, shape, analytic, (rtol, _) = tensor[:4]
    if not analytic.size:
        return TensorReport(name, shape, 0.0, 0.0, rtol, "pass")
    bad = np.flatnonzero(~np.isfinite(analytic))
    if bad.size:
        index, value, note = index_of(bad[0], shape), float(analytic[bad[0]]), "the analytic gradient is not finite"
        return TensorReport(name, shape, np.nan, np.inf, rtol, "fail", index, value, np.nan, note=note)
    found: list[Slope] = []
    chance = 1.0
    while len(found) < FEWEST or (chance > CHANCE and len(found) < MOST and analytic.any()):
        v = rng.standard_normal(analytic.size)
        expected = float(analytic @ v)
        found.append(_along(f, tensor, v, expected, rtol * max(_scale(analytic, found), abs(expected)) / 4))
        scale = _scale(analytic, found)
        chance = chance_of_missing(WRONG * scale, _limits(found, rtol * scale))
    zero = not analytic.any() and is_zero(
        np.array([slope.numeric.value for slope in found]),
        np.array([slope.numeric.error for slope in found]),
        lambda: slope_nearby(f, name, rng),
    )
    return _row(tensor, found, zero, chance)


def chance_of_missing(error: float, tolerances: list[float]) -> float:
    """Returns the probability that Gaussian directions with these tolerances all miss a gradient error of this norm."""
    if error <= 0:
        return 0.0
    return float(np.prod([erf(tolerance / (error * sqrt(2))) for tolerance in tolerances]))


def _along(f: ScalarFunction, tensor: Tensor, v: np.ndarray, expected: float, target: float) -> Slope:
    """Differentiates f along v; steps are measured in the tensor's typical value over the norm of v.

    x + t v is rounded by half a spacing of x at most, which moves f by spacing times slope and counts as noise.
    """
    name, _, analytic, *_ = tensor
    length = float(np.linalg.norm(v))
    line = f.along(name, v / length)
    moved = 2 * EPSILON * root_mean_square(analytic * f.values[name]) * sqrt(analytic.size)
    line = line._replace(noise=line.noise + (moved if np.isfinite(moved) else 0.0))
    unit = derivative(line, step_size(line), target / length if np.isfinite(target) else 0.0)
    kink = None if unit.kink is None else Kink(length * unit.kink.left, length * unit.kink.right)
    numeric = Derivative(length * unit.value, length * unit.error, length * unit.low, length * unit.high, kink)
    return Slope(expected, numeric, v)


def _scale(analytic: np.ndarray, found: list[Slope]) -> float:
    """Returns the largest analytic entry, or the root mean square of the numeric ones if that is larger."""
    seen = np.array([slope.nearest for slope in found if np.isfinite(slope.nearest)])
    return max(float(np.max(np.abs(analytic))), root_mean_square(seen) / sqrt(analytic.size))


def _limits(found: list[Slope], allowed: float) -> list[float]:
    """Adds to what is allowed the numeric error of each direction, and the interval that a kink leaves open."""
    return [allowed + numeric.error + (numeric.high - numeric.low) for _, numeric, _ in found]


def _row(tensor: Tensor, found: list[Slope], zero: bool, chance: float) -> TensorReport:
    """Judges one tensor by its directions.

    It fails if a slope is further out than rtol and the numeric error together, and is inconclusive if a numeric error
    is above the resolution or not finite, or if the directions are too few.
    """
    name, shape, analytic, (rtol, resolution) = tensor[:4]
    scale = _scale(analytic, found)
    distances = np.array([slope.distance for slope in found])
    errors = np.array([slope.numeric.error for slope in found])
    limits = np.array(_limits(found, rtol * scale))
    sharp = resolution > rtol or np.all(errors <= resolution * scale)  # an rtol of the caller bounds the rounding too
    kinks = tuple(KinkAt(name, None, *n.kink, expected) for expected, n, _ in found if n.kink is not None)
    status = "kink" if kinks else "pass"
    note = f"{len(found)} directions miss one entry wrong by {WRONG:g} of the scale with probability {chance:.1g}"
    if zero:
        status, note = "zero", f"zero along {len(found)} directions, as far as the rounding of f shows"
    elif np.any(distances > rtol * scale + errors):
        status = "fail"
    elif not (chance <= CHANCE and sharp and np.all(np.isfinite(errors)) and scale > 0):
        status, note = "inconclusive", f"{note}; use method='complex' or 'central'"
    order = np.where(np.isfinite(limits), distances / np.maximum(limits, np.finfo(float).tiny), np.inf)
    worst = int(np.argmax(order))
    return TensorReport(
        name,
        shape,
        scale,
        error=0.0 if zero or scale == 0 else float(np.max(distances) / scale),
        tolerance=float(limits[worst] / scale) if scale > 0 else rtol,
        status=status,
        analytic=found[worst].expected,
        numeric=found[worst].numeric.value,
        note=note,
        kinks=kinks,
        direction=found[worst].direction,
    )
