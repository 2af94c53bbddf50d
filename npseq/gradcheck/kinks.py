"""Kinks are distinguished from curvature and rounding; at one, any slope between its two sides is a derivative."""

from itertools import pairwise
from typing import NamedTuple

from npseq.gradcheck.differences import Derivative, Difference, Kink, difference
from npseq.gradcheck.function import Line

CLOSER = 4  # halvings of the step near a kink, which tell one beside the point from one at it


class Jump(NamedTuple):
    """Holds a jump of the slope that does not vanish with the step, and the stencil that showed it."""

    size: float
    step: Difference


def slope_jump(steps: list[Difference], target: float) -> Jump | None:
    """Returns the jump of the slope inside the stencil, if the last three steps agree on one.

    The asymmetry is A(h) = J + h f'' + O(h^3), so 2 A(h/2) - A(h) tends to J.
    """
    if len(steps) < 3:
        return None
    first, second, third = (step.asymmetry for step in steps[-3:])
    before, after = 2 * second - first, 2 * third - second
    doubt = 4 * abs(after - before) + 24 * steps[-1].noise + 4 * target
    return Jump(after, steps[-1]) if abs(after) > doubt else None


def kink_beside(steps: list[Difference], value: float, target: float) -> Difference | None:
    """Returns a step around a kink, if longer steps straddle one and shorter ones do not.

    Halving the step hardly brings the slopes together then; if f is smooth, it does so by half or more.
    """
    for wide, narrow in pairwise(steps):
        steady = narrow.asymmetry / wide.asymmetry > 0.6 if wide.asymmetry else False
        if steady and _straddles(wide, value, target) and _straddles(narrow, value, target):
            return narrow
    return None


def _straddles(step: Difference, value: float, target: float) -> bool:
    """Returns whether a kink beside the point explains the step: it changes D by half the jump of the slopes."""
    apart = abs(step.asymmetry)
    return apart > 24 * step.noise + 4 * target and abs(apart - 2 * abs(step.central - value)) <= 0.1 * apart


def at_kink(line: Line, target: float, jump: Jump, smooth: Derivative, longest: float) -> Derivative:
    """Returns the derivative where the slope seems to jump, from the shortest steps that keep rounding near the target.

    If the jump is gone at such a step, the kink is beside the point: there is a derivative, and the kink is reported.
    If it is still there, any slope between the two sides counts. If long and short steps agree, there is no kink.
    """
    visible = max(target, 1e-6 * abs(jump.size))
    h = min(max(line.noise / visible, line.shortest), longest)
    before = far = difference(line, 2 * h)
    for _ in range(CLOSER):
        near = difference(line, h)
        left_over = 2 * near.asymmetry - far.asymmetry
        error = near.noise + abs(far.central - near.central)
        even = abs(left_over) <= max(24 * near.noise, abs(jump.size) / 16)
        if even and error <= max(24 * near.noise, 64 * target):
            if abs(near.central - smooth.value) <= error + smooth.error:
                if smooth.error <= error:
                    return smooth
                return Derivative(near.central, error, near.central, near.central, smooth.kink)
            kink = Kink(jump.step.left, jump.step.right)
            return Derivative(near.central, error, near.central, near.central, kink)
        before, far = far, near
        h /= 2
    low, high = sorted((near.left, near.right))
    error = 2 * near.noise + min(abs(near.left - before.left), abs(near.right - before.right))  # of the smoother side
    return Derivative(near.central, error, low, high, Kink(near.left, near.right))
