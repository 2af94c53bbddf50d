"""Differences along a line estimate the derivative of f, and bound their own rounding error."""

from math import isfinite
from typing import NamedTuple

from npseq.gradcheck.function import EPSILON, TINY, Line

ROUGH = 1e-2  # a step with a larger relative error does not resolve the shape of the function yet
TRIALS = 24
GOOD = 1e-8  # a step with an error this small, relative to the derivative, needs no tuning


class Difference(NamedTuple):
    """Holds the slopes at one step h: central, left, right, and the bound on the rounding in the central one."""

    central: float
    left: float
    right: float
    noise: float
    h: float

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
        return Difference(float("nan"), float("nan"), float("nan"), float("inf"), h)
    left, right = (below - line.origin) / down, (above - line.origin) / up
    # What f makes of x_i first, a product say, is rounded by a spacing of x_i: f moves by as much times the slope.
    rounding = line.rounding(above, below) + EPSILON * abs(line.coordinate) * (abs(left) + abs(right))
    return Difference((above - below) / (up - down), left, right, 2 * rounding / (up - down), (up - down) / 2)


def step_size(line: Line) -> float:
    """Returns the step that balances truncation and rounding of a central difference, (3 noise / |f^(3)|)^(1/3).

    The error of a central difference is h^2 |f^(3)| / 6 + noise / h, least where its derivative by h is zero (Squire
    and Trapp 1998; Numerical Recipes 5.7). Two steps give f^(3), D(2h) - D(h) = f^(3) h^2 / 2; if rounding hides it,
    the step grows until it shows. Where f is not finite the step shrinks, ever faster, so that any scale is reached.
    """
    relative = line.noise / abs(line.origin) if line.origin else EPSILON
    h: float = line.typical * min(max(relative, EPSILON), 1e-3) ** (1 / 3)
    best: float = h
    least, shrink = float("inf"), 16.0
    for _ in range(TRIALS):
        near, far = difference(line, h), difference(line, 2 * h)
        truncation = abs(far.central - near.central)
        if not isfinite(truncation):
            best = h = max(h / shrink, TINY)
            shrink = min(shrink**1.5, 2.0**100)
            continue
        error = max(truncation, near.noise)
        if error >= least and error <= ROUGH * abs(near.central):  # shorter steps only see more of a kink close by
            return best
        best, least = h, error
        if error <= GOOD * abs(near.central):
            return h
        if truncation <= 1.5 * near.noise:
            if h == line.longest:
                return h
            h = min(8 * h, line.longest)
        else:
            h *= max((1.5 * near.noise / truncation) ** (1 / 3), 1 / 64)
    return best
