"""Every entry against a central difference, extrapolated where one step does not settle it."""

from __future__ import annotations

import numpy as np

from npseq.gradcheck.differences import step_size
from npseq.gradcheck.extrapolation import derivative_near
from npseq.gradcheck.function import EPSILON, ScalarFunction, unit_direction
from npseq.gradcheck.noise import rounding_noise
from npseq.gradcheck.report import TensorReport
from npseq.gradcheck.verdict import RESOLUTION, Estimate, Tolerance, judge

RTOL = 1e-6
ADVICE = "the rounding of f hides the gradient from differences; use method='complex'"
BENT = 1e-3  # one-sided slopes further apart than this, relative to the scale, are looked at for a kink


def check_central(
    f: ScalarFunction,
    origin: float,
    shapes: dict[str, tuple[int, ...]],
    analytic: dict[str, np.ndarray],
    tolerance: dict[str, Tolerance],
    rng: np.random.Generator,
) -> list[TensorReport]:
    """A row a tensor. First one plain difference per entry; an entry it leaves in doubt is extrapolated.

    In doubt is what differs from the analytic value, has one-sided slopes that differ, or is not finite.
    """
    noise = rounding_noise(f, origin, rng)
    rows = []
    for name, shape in shapes.items():
        before = f.evaluations
        size = f.values[name].size
        direction = unit_direction(rng, size)
        h = step_size(f.along({name: direction}, origin), f.typical(name), noise) if size else 1.0
        numeric, bend = _plain(f, name, origin, h, noise)
        _refine(f, name, origin, numeric, bend, analytic[name], tolerance[name], noise, h)
        rows.append(
            judge(
                name,
                shape,
                analytic[name],
                numeric,
                tolerance[name],
                zero=size > 0 and _is_zero(analytic[name], numeric, bend, noise / f.typical(name)),
                evaluations=f.evaluations - before,
                advice=ADVICE,
            )
        )
    return rows


def _plain(f: ScalarFunction, name: str, origin: float, h: float, noise: float) -> tuple[Estimate, np.ndarray]:
    """Two values of f per entry: the central difference, and how far the one-sided slopes are apart beyond noise."""
    x = f.values[name]
    above, below = x + h, x - h
    pairs = zip(above.tolist(), below.tolist(), strict=True)
    values = [(f.with_entry(name, i, up), f.with_entry(name, i, down)) for i, (up, down) in enumerate(pairs)]
    high, low = np.array(values, dtype=np.float64).reshape(-1, 2).T
    rounding = np.maximum(noise, EPSILON * np.maximum(np.abs(high), np.abs(low)))
    error = 2 * rounding / (above - below)
    bend = np.abs((high - origin) / (above - x) - (origin - low) / (x - below)) - 10 * error
    return Estimate((high - low) / (above - below), np.where(np.isfinite(error), error, np.inf)), bend


def _refine(
    f: ScalarFunction,
    name: str,
    origin: float,
    numeric: Estimate,
    bend: np.ndarray,
    analytic: np.ndarray,
    tolerance: Tolerance,
    noise: float,
    h: float,
) -> None:
    """Extrapolate the entries in doubt; a numeric value put right may lower the scale and bring others into doubt."""
    typical = f.typical(name)
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
            line = f.along_entry(name, entry, origin)
            numeric.replace(entry, derivative_near(line, h, noise, tolerance.rtol * scale / 4, typical))
        done |= doubt


def _is_zero(analytic: np.ndarray, numeric: Estimate, slope: np.ndarray, least: float) -> bool:
    """Whether the gradient is exactly zero and so, for all that f shows, is the numeric one.

    Each entry's is exactly zero; or it is within its error, and that error is small beside the slopes f has around the
    point (a stationary point), or as small as f's rounding lets it be with steps of the size of the values (f is flat).
    """
    if analytic.any():
        return False
    sharp = (numeric.error <= RESOLUTION * slope) | (numeric.error <= 64 * least)
    return bool(np.all((numeric.value == 0) | ((np.abs(numeric.value) <= numeric.error) & sharp)))
