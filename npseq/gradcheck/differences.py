"""Differences along a line estimate the derivative of f, and bound their own rounding error."""

from math import isfinite
from typing import NamedTuple

from npseq.gradcheck.function import EPSILON, Line

ROUGH = 1e-2  # a step with a larger relative error does not resolve the shape of the function yet
GOOD = 1e-8  # a step with an error this small, relative to the derivative, needs no tuning


class Difference(NamedTuple):
    """Holds the slopes at one step: central, left, right, and the bound on the rounding in the central one."""

    central: float
    left: float
    right: float
    noise: float

    @property
    def asymmetry(self) -> float:
        """Returns right - left: h f'' if f is smooth, the jump of the slope if it has a kink."""
        return self.right - self.left


class Kink(NamedTuple):
    """Holds the slopes on both sides of a point where f is not differentiable."""

    left: float
    right: float


class Derivative(NamedTuple):
    """Holds a derivative, a bound on its error, the interval [low, high] of what counts as one, and the kink seen."""

    value: float
    error: float
    low: float
    high: float
    kink: Kink | None = None


def difference(line: Line, h: float) -> Difference:
    """Returns (f(x + h) - f(x - h)) / (2 h) and the one-sided slopes, with the step that float64 really took."""
    above, below = line.value(h), line.value(-h)
    up, down = line.displacement(h), line.displacement(-h)
    if up <= 0 or down >= 0 or not (isfinite(above) and isfinite(below)):
        return Difference(float("nan"), float("nan"), float("nan"), float("inf"))
    rounding = max(line.noise, EPSILON * abs(above), EPSILON * abs(below))
    central = (above - below) / (up - down)
    return Difference(central, (below - line.origin) / down, (above - line.origin) / up, 2 * rounding / (up - down))


def step_size(line: Line) -> float:
    """Returns the step that balances truncation and rounding of a central difference, h = (3 noise / |f'''|)^(1/3).

    Two steps give f''', D(2h) - D(h) = f''' h^2 / 2; if rounding hides it, the step grows until it shows, up to the
    typical value of the tensor or 1. Squire and Trapp 1998; Numerical Recipes 5.7.
    """
    relative = line.noise / abs(line.origin) if line.origin else EPSILON
    longest = max(line.typical, 1.0)
    h = line.typical * min(max(relative, EPSILON), 1e-3) ** (1 / 3)
    best, least = h, float("inf")
    for _ in range(10):
        near, far = difference(line, h), difference(line, 2 * h)
        truncation = abs(far.central - near.central)
        if not isfinite(truncation):
            best = h = h / 16
            continue
        error = max(truncation, near.noise)
        if error >= least and error <= ROUGH * abs(near.central):  # shorter steps only see more of a kink close by
            return best
        best, least = h, error
        if error <= GOOD * abs(near.central):
            return h
        if truncation <= 1.5 * near.noise:
            h = min(8 * h, longest)
        else:
            h *= max((1.5 * near.noise / truncation) ** (1 / 3), 1 / 64)
    return best
