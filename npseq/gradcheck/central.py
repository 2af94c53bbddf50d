"""Method "central" compares every entry with a central difference, extrapolated if one step does not settle it."""

import numpy as np

from npseq.gradcheck.differences import step_size
from npseq.gradcheck.extrapolation import derivative
from npseq.gradcheck.function import EPSILON, ScalarFunction, unit_direction
from npseq.gradcheck.rows import TensorReport
from npseq.gradcheck.verdict import RESOLUTION, Estimate, Tensor, judge

RTOL = 1e-6
ADVICE = "the rounding of f hides the gradient from differences; use method='complex'"
BENT = 1e-3  # one-sided slopes further apart than this, relative to the scale, may be a kink


def check_central(tensor: Tensor, f: ScalarFunction, rng: np.random.Generator) -> TensorReport:
    """Checks one tensor by one plain difference per entry; an entry that it leaves in doubt is extrapolated.

    An entry is in doubt if it differs from the analytic value, has one-sided slopes that differ, or is not finite.
    """
    name, _, analytic, _ = tensor
    direction = unit_direction(rng, analytic.size)
    h = step_size(f.along(name, direction)) if analytic.size else 1.0
    numeric, bend = _plain(f, name, h)
    _refine(f, tensor, numeric, bend, h)
    zero = analytic.size > 0 and _is_zero(analytic, numeric, bend, f.noise / f.typical(name))
    return judge(tensor, numeric, zero=zero, advice=ADVICE)


def _plain(f: ScalarFunction, name: str, h: float) -> tuple[Estimate, np.ndarray]:
    """Takes two values of f per entry: the central difference, and how far its one-sided slopes differ beyond noise."""
    x = f.values[name]
    above, below = x + h, x - h
    pairs = zip(above.tolist(), below.tolist(), strict=True)
    values = [(f.with_entry(name, i, up), f.with_entry(name, i, down)) for i, (up, down) in enumerate(pairs)]
    high, low = np.array(values, dtype=np.float64).reshape(-1, 2).T
    rounding = np.maximum(f.noise, EPSILON * np.maximum(np.abs(high), np.abs(low)))
    error = 2 * rounding / (above - below)
    bend = np.abs((high - f.origin) / (above - x) - (f.origin - low) / (x - below)) - 10 * error
    return Estimate((high - low) / (above - below), np.where(np.isfinite(error), error, np.inf)), bend


def _refine(f: ScalarFunction, tensor: Tensor, numeric: Estimate, bend: np.ndarray, h: float) -> None:
    """Extrapolates the entries in doubt; a corrected value may lower the scale and bring others into doubt."""
    name, _, analytic, tolerance = tensor
    done = np.zeros(analytic.size, dtype=bool)
    while True:
        scale = numeric.scale(analytic)
        doubt = ~(numeric.distance(analytic) <= tolerance.rtol * scale)
        doubt |= (numeric.error > tolerance.resolution * scale) & (scale > 0)
        doubt |= ~(bend <= BENT * scale)
        doubt &= ~done
        if not doubt.any():
            return
        for entry in np.flatnonzero(doubt).tolist():
            numeric.replace(entry, derivative(f.along_entry(name, entry), h, tolerance.rtol * scale / 4))
        done |= doubt


def _is_zero(analytic: np.ndarray, numeric: Estimate, slope: np.ndarray, least: float) -> bool:
    """Returns whether the gradient is exactly zero and the numeric one is zero as far as f shows."""
    if analytic.any():
        return False
    # At a stationary point the error is small beside the slopes of f around it; a flat f leaves only its rounding.
    sharp = (numeric.error <= RESOLUTION * slope) | (numeric.error <= 64 * least)
    return bool(np.all((numeric.value == 0) | ((np.abs(numeric.value) <= numeric.error) & sharp)))
