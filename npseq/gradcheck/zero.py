"""A gradient of zero is believed if the function is flat, or if it changes far more nearby than the error allows."""

from collections.abc import Callable

import numpy as np

from npseq.gradcheck.function import ScalarFunction
from npseq.gradcheck.verdict import RESOLUTION

STEPS = tuple(side * step for step in (1.0, 8.0, 64.0) for side in (1.0, -1.0))  # in sizes of the values

FLAT = 4.0  # bounds on the rounding of f, two of each value


def slope_nearby(f: ScalarFunction, name: str, rng: np.random.Generator) -> float:
    """Returns the largest slope between the point and points around it, or 0.0 if f is flat, NaN if nobody knows.

    The slope, of an entry of typical gradient, stands in for the scale that a gradient of zero does not have. Each
    point lies in a random direction of its own, up to 64 times the size of the values away.
    """
    typical, size = f.typical(name), f.values[name].size
    values = np.array([f.moved({name: typical * rng.standard_normal(size)}, step) for step in STEPS])
    change = np.abs(values - f.origin)
    seen = np.isfinite(change)
    rounding = np.maximum(f.noise, f.unit * np.abs(values))
    if not seen.any() or not np.isfinite(f.noise):
        return float("nan")
    if np.all(change[seen] <= FLAT * rounding[seen]):
        return 0.0
    slope: float = float(np.max(change[seen] / np.abs(STEPS)[seen])) / typical / size**0.5
    return slope


def is_zero(
    values: np.ndarray, errors: np.ndarray, nearby: Callable[[], float], resolution: float = RESOLUTION
) -> bool:
    """Returns whether numeric values are zero within their errors, and these small enough to mean it.

    nearby: calls slope_nearby, if the values are; resolution: the part of that slope that the errors may be.
    """
    if not np.all(np.abs(values) <= errors) or not np.all(np.isfinite(errors)):
        return False
    if not np.any(errors):
        return True
    slope = nearby()
    return slope == 0.0 or bool(np.all(errors <= resolution * slope))
