"""Derivatives along a line from values of f, each with an estimate of its own error."""

from __future__ import annotations

from math import isfinite
from typing import NamedTuple

from npseq.gradcheck.function import EPSILON, Line

REACH = 64  # how far above the best step of a plain difference the extrapolation starts
LEVELS = 32  # halvings of the step, at most
COLUMNS = 6  # of the extrapolation: beyond, rounding is all that is gained
CLOSER = 4  # halvings of the step at a kink, to tell one beside the point from one at it
GOOD = 1e-8  # a step whose error is this small, relative to the derivative, needs no tuning


class Difference(NamedTuple):
    """The slopes at one step: central, left, right, and the bound on the rounding in the central one."""

    central: float
    left: float
    right: float
    noise: float

    @property
    def asymmetry(self) -> float:
        """right - left: h f'' where f is smooth, the jump of the slope where it has a kink."""
        return self.right - self.left


class Kink(NamedTuple):
    """The slopes on both sides of a point where f is not differentiable."""

    left: float
    right: float


class Derivative(NamedTuple):
    """A derivative, the bound on its error, the interval [low, high] of what may count as one, and the kink seen."""

    value: float
    error: float
    low: float
    high: float
    kink: Kink | None = None


def difference(line: Line, h: float, noise: float) -> Difference:
    """(f(x + h) - f(x - h)) / 2h and the one-sided slopes, with the step as float64 really took it."""
    above, below = line.value(h), line.value(-h)
    up, down = line.displacement(h), line.displacement(-h)
    if up <= 0 or down >= 0 or not (isfinite(above) and isfinite(below)):
        return Difference(float("nan"), float("nan"), float("nan"), float("inf"))
    rounding = max(noise, EPSILON * abs(above), EPSILON * abs(below))
    central = (above - below) / (up - down)
    return Difference(central, (below - line.origin) / down, (above - line.origin) / up, 2 * rounding / (up - down))


def step_size(line: Line, typical: float, noise: float) -> float:
    """The step at which truncation and rounding of a central difference balance, h = (3 noise / |f'''|)^(1/3).

    f''' is read off two steps, D(2h) - D(h) = f''' h^2 / 2; where rounding hides it, the step grows until it shows, up
    to the larger of `typical`, the size of the tensor's values, and 1. Squire and Trapp 1998; Numerical Recipes 5.7.
    """
    relative = noise / abs(line.origin) if line.origin else EPSILON
    longest = max(typical, 1.0)
    h = typical * min(max(relative, EPSILON), 1e-3) ** (1 / 3)
    for _ in range(10):
        near, far = difference(line, h, noise), difference(line, 2 * h, noise)
        truncation = abs(far.central - near.central)
        if not isfinite(truncation):
            h /= 16
        elif max(truncation, near.noise) <= GOOD * abs(near.central):
            return h
        elif truncation <= 1.5 * near.noise:
            if h >= longest:
                return longest
            h = min(8 * h, longest)
        else:
            shrink = (1.5 * near.noise / truncation) ** (1 / 3)
            h *= max(shrink, 1 / 64)
            if shrink > 1 / 4:
                return h
    return h


def derivative(line: Line, start: float, noise: float, target: float, longest: float) -> Derivative:
    """f' along a line to an error of `target`, or as well as rounding allows.

    Steps go start, start/2, start/4, ...; where rounding spoils them all, they start further out, up to `longest`.
    """
    found = _from(line, start, noise, target)
    while found.error > target and found.kink is None and start < longest:
        start = min(REACH * start, longest)
        further = _from(line, start, noise, target)
        if not further.error < found.error:
            break
        found = further
    return found


def derivative_near(line: Line, h: float, noise: float, target: float, typical: float) -> Derivative:
    """`derivative`, the steps starting REACH times above h, the best one for a plain difference."""
    longest = max(h, typical, 1.0)
    return derivative(line, min(REACH * h, longest), noise, target, longest)


def _from(line: Line, start: float, noise: float, target: float) -> Derivative:
    """f' from steps start, start/2, start/4, ..., down to where rounding is all that is left.

    Central differences extrapolated to step zero, the first column being the five-point rule; the entry of the table
    with the least error (disagreement with its neighbours plus rounding) wins: Ridders 1982, Numerical Recipes 5.7.
    The jump of the one-sided slopes is extrapolated beside it; where it does not vanish, f has a kink in the stencil.
    """
    best, error = float("nan"), float("inf")
    steps: list[Difference] = []
    row: list[float] = []
    jump: _Jump | None = None
    h = start
    for _ in range(LEVELS):
        step = difference(line, h, noise)
        if isfinite(step.central):
            steps.append(step)
            previous, row = row, _extrapolated(step.central, row)
            best, error = _least_error(row, previous, 2 * step.noise, best, error)
            jump = jump or _jump(steps, target)
        else:
            steps, row = [], []
        if len(steps) >= 3 and (error <= target or step.noise > error):
            break
        h /= 2
        if h < line.shortest:
            break
    smooth = Derivative(best, error, best, best)
    return smooth if jump is None else _at_kink(line, noise, target, jump, smooth, start / 2)


def _extrapolated(value: float, previous: list[float]) -> list[float]:
    """The next row of Richardson's table, in powers of h^2, from the row at twice the step."""
    row = [value]
    for column, older in enumerate(previous[:COLUMNS]):
        row.append(row[column] + (row[column] - older) / (4 ** (column + 1) - 1))
    return row


def _least_error(
    row: list[float], previous: list[float], rounding: float, best: float, error: float
) -> tuple[float, float]:
    """The better of the best so far and this row's entries, each judged by its two neighbours in the table."""
    for column in range(1, len(row)):
        neighbours = row[column - 1], previous[column - 1]
        estimate = max(abs(row[column] - neighbour) for neighbour in neighbours) + rounding
        if estimate < error:
            best, error = row[column], estimate
    return best, error


class _Jump(NamedTuple):
    """A jump of the slope that does not vanish with the step, and the stencil that showed it."""

    size: float
    step: Difference


def _jump(steps: list[Difference], target: float) -> _Jump | None:
    """The jump of the slope inside the stencil, where the last three steps agree that there is one.

    The asymmetry is J + h f'' + O(h^3), so 2 A(h/2) - A(h) tends to J.
    """
    if len(steps) < 3:
        return None
    first, second, third = (step.asymmetry for step in steps[-3:])
    before, after = 2 * second - first, 2 * third - second
    doubt = 4 * abs(after - before) + 24 * steps[-1].noise + 4 * target
    return _Jump(after, steps[-1]) if abs(after) > doubt else None


def _at_kink(line: Line, noise: float, target: float, jump: _Jump, smooth: Derivative, longest: float) -> Derivative:
    """The derivative where the slope seems to jump, from the shortest steps at which rounding stays near the target.

    A jump that is gone at such a step was beside the point: there is a derivative, and the kink is told. One that is
    still there leaves an interval of slopes. One that the large stencil's own error explains was none.
    """
    visible = max(target, 1e-6 * abs(jump.size))
    h = min(max(noise / visible, line.shortest), longest)
    far = difference(line, 2 * h, noise)
    for _ in range(CLOSER):
        near = difference(line, h, noise)
        left_over = 2 * near.asymmetry - far.asymmetry
        error = near.noise + abs(far.central - near.central)
        if max(abs(left_over), 4 * error) <= max(24 * near.noise, abs(jump.size) / 16):
            half = abs(jump.step.central - near.central) / abs(jump.size)
            kink = Kink(jump.step.left, jump.step.right)
            beside = Derivative(near.central, error, near.central, near.central, kink)
            return beside if 0.25 < half < 0.75 else smooth
        far = near
        h /= 2
    low, high = sorted((near.left, near.right))
    error = 2 * near.noise + abs(near.asymmetry - left_over)
    return Derivative(near.central, error, low, high, Kink(near.left, near.right))
