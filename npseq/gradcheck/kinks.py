"""Kinks are distinguished from curvature and rounding; at one, any slope between its two sides is a derivative."""

from typing import NamedTuple

from npseq.gradcheck.differences import Derivative, Difference, Kink, difference
from npseq.gradcheck.function import Line

DOUBT = 24.0  # a difference of slopes that is no more than this many bounds on their rounding says nothing
SPIKE = 1.25  # what the slopes jump by grows by more than this as the step halves only if the step is too long
ROUNDED_POINT = 8.0  # roundings of x, and of what f makes of it, which move the slope by as much times f''
CLOSER = 16.0  # a kink is looked for at a step this much shorter than the one that showed it, whatever rounding says
CLOSEST = 2.0**-40  # no step is this much shorter than another, where f has no rounding at all


class Jump(NamedTuple):
    """Holds a jump of the slope that does not vanish with the step, and the stencil that showed it."""

    size: float
    step: Difference


def slope_jump(line: Line, steps: list[Difference], target: float) -> Jump | None:
    """Returns the jump of the slope inside the stencil, if the last three steps agree on one.

    The asymmetry is A(h) = J + h f'' + O(h^3), so 2 A(h/2) - A(h) tends to J. If A(h) is much larger than J, the
    rounding of x shows in it.
    """
    if len(steps) < 3:
        return None
    first, second, third = (step.asymmetry for step in steps[-3:])
    before, after = 2 * second - first, 2 * third - second
    rounding = DOUBT * steps[-1].noise + ROUNDED_POINT * line.rounded * abs(third) / steps[-1].h
    return Jump(after, steps[-1]) if abs(after) > 4 * abs(after - before) + rounding + 4 * target else None


def is_spike(steps: list[Difference]) -> bool:
    """Returns whether f at the point is off the curve of its neighbours, as the last three steps show.

    2 A(h/2) - A(h) is O(h^3) where f is smooth, and constant at a kink. If it grows as the step halves, f has a
    structure around the point that is narrower than the step.
    """
    if len(steps) < 3:
        return False
    far, middle, near = steps[-3:]
    before, after = 2 * middle.asymmetry - far.asymmetry, 2 * near.asymmetry - middle.asymmetry
    return abs(after) > SPIKE * abs(before) + DOUBT * near.noise


def shortest_step(line: Line, jump: Jump, target: float) -> float:
    """Returns the step at which rounding is the target, but one a good deal shorter than the jump's at least."""
    longest = jump.step.h / CLOSER
    reached = line.rounding(line.origin) / target if target > 0 else longest
    return max(min(reached, longest), line.shortest, CLOSEST * jump.step.h)


def step_beside(line: Line, jump: Jump, shortest: float) -> float | None:
    """Returns a step that does not reach as far as the kink, or is too long; None if even the shortest one reaches it.

    If the kink is at u h, A(h) - A(2 h) / 2 is (1/2 - 3/4 u) of the jump for u < 1, and 1/2 - u/4 beyond: less than an
    eighth only if h/2 falls short of the kink.
    """
    steps = [jump.step]
    while steps[-1].h >= 2 * shortest:
        steps.append(difference(line, steps[-1].h / 2))
        far, near = steps[-2:]
        left = abs(near.asymmetry - far.asymmetry / 2)
        if is_spike(steps) or left + DOUBT / 4 * near.noise <= abs(jump.size) / 8:
            return near.h / 2
    return None


def at_kink(line: Line, h: float) -> Derivative:
    """Returns the interval of the slopes on both sides, from steps 2 h and h: any of them is a derivative."""
    far, near = difference(line, 2 * h), difference(line, h)
    left, right = 2 * near.left - far.left, 2 * near.right - far.right
    low, high = sorted((left, right))
    smoother = min(abs(near.left - far.left), abs(near.right - far.right))
    return Derivative(near.central, 6 * near.noise + smoother, low, high, Kink(left, right))
