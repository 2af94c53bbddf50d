"""A complex step is trusted only if f is analytic around the point, which its values on circles show.

On a circle of radius r, f(x + r exp(i theta) d) is the series sum_k c_k exp(i k theta). If f is analytic in the disc,
c_k = r^k f^(k) / k! and no c_k with a negative k occurs (Cauchy). A part of f that drops or turns the imaginary part,
as abs, conj and .real do, mirrors the series: it shows in c_-1, or in c_0, which is not the value at the centre then.
The sums are those of Fornberg, Numerical differentiation of analytic functions, ACM TOMS 7, 1981. As nothing is
subtracted, c_1 and c_-1 are right to the rounding of f, and the slope to that over r: with r = 2^-5 of the values, to
about 1e-14 of them, where real differences stop at 1e-10.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from npseq.gradcheck.function import EPSILON, ScalarFunction

POINTS = 16  # of a circle; their sums confuse c_k with c_(k-16), so c_-1 holds c_15, which is r^15 small
RADII = tuple(2.0**-k for k in range(5, 50, 6))  # relative to the size of each value
STEPS = (2.0**-66, 2.0**-46, 2.0**-26)  # of a complex step, relative to the size of each value
STEADY = 8.0  # terms of high order that change by no more than this on a circle 64 times smaller are rounding,
COMPLEX = 1e3  # but not if they are this many times that of real arithmetic
PROPORTIONAL = 4.0  # terms fall as the radius if their share of it changes by no more than this
SAFETY = 2.0  # a coefficient, a mean of values, beyond this many bounds on their rounding is no rounding,
SINGLE = 8.0  # nor is the difference from a single value beyond this many times as much
DOMINANT = 8.0  # c_-1 is a mirrored term if it is this many times those beside it, which a kink has alike


class NotAnalyticError(ValueError):
    """Is raised if f is not an analytic function of complex arrays: a complex step says nothing about its gradient.

    Args:
        what: what f does wrong.

    Example:
        >>> ns.gradcheck(lambda at: abs(at["x"]), {"x": 1.0}, {"x": 1.0}, method="complex")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        npseq.gradcheck.analytic.NotAnalyticError: method 'complex' needs an f that is analytic ...
    """

    def __init__(self, what: str):
        super().__init__(
            f"method 'complex' needs an f that is analytic for complex128 arrays, but {what}; make f analytic (no abs, "
            "max, comparison, conjugate or cast of a complex value; branch on .real), or use method='central'"
        )


class Circle(NamedTuple):
    """Holds what the values of f on a circle say.

    slope: c_1 / r, the derivative of the analytic part along the direction; mirrored: c_-1 / r, that of the part that
    is not; offset: how far c_0, the mean, is from the value at the centre, over r; rounding: a bound on the rounding of
    the values; terms: the largest of c_-2 to c_-6, which hold terms of high order and rounding.
    """

    radius: float
    slope: float
    mirrored: float
    offset: float
    rounding: float
    terms: float

    @property
    def is_sharp(self) -> bool:
        """Returns whether nothing but rounding is left of the terms of high order."""
        return self.terms <= 2 * self.rounding

    @property
    def least(self) -> float:
        """Returns the part of `floor` that rounding alone leaves."""
        return SAFETY * self.rounding / self.radius

    @property
    def floor(self) -> float:
        """Returns a bound on the error of the slopes."""
        return max(self.least, DOMINANT * self.terms / self.radius)

    @property
    def is_mirrored(self) -> bool:
        """Returns whether a part of f is not analytic."""
        return abs(self.mirrored) > self.floor or self.offset > SINGLE * self.floor

    def agrees(self, slope: float) -> bool:
        """Returns whether f looks analytic on the circle, with this slope at its centre."""
        return not self.is_mirrored and abs(slope - self.slope) <= self.floor

    def is_steady(self, wider: "Circle") -> bool:
        """Returns whether the terms of high order are the rounding of complex arithmetic, more than that of real."""
        return wider.terms / STEADY < self.terms < min(wider.terms * STEADY, COMPLEX * self.rounding)


class Trust(NamedTuple):
    """Holds the relative step that is right along a direction, the slope that it gives, and how sure that is.

    floor: a bound on the error of the circle that agrees; length: of the direction; kink: f is analytic beside the
    point and not at it.
    """

    step: float
    slope: float
    floor: float
    length: float
    kink: bool = False


def trusted_step(f: ScalarFunction, copy: ScalarFunction, name: str, direction: np.ndarray) -> Trust | None:
    """Returns a complex step that agrees with f on a circle around the point; None if no circle says anything.

    Raises NotAnalyticError if no step can agree. copy: f on complex128 arrays; direction: how far each entry moves,
    about its own size. The circle shrinks until nothing but rounding is left of the terms of high order, but not to
    where rounding would hide what a wider circle has shown.
    """
    moving, length = {name: direction}, float(np.linalg.norm(direction))

    @cache
    def slope(step: float) -> float:
        return float(copy.moved(moving, 1j * step).imag / step)

    seen: list[Circle] = []
    shown = 0.0  # the most that f and the shortest step have been seen to differ by
    for radius in RADII:
        found = circle(f, copy, moving, 0.0, radius)
        if found is None:
            continue
        steady = bool(seen) and not found.is_sharp and found.is_steady(seen[-1])
        if (found.floor if found.is_sharp else found.least) > shown / 2 > 0 or _is_spoilt(seen, found):
            break
        seen.append(found)
        for step in STEPS[:1] if steady else STEPS:
            if (found.is_sharp or steady) and found.agrees(slope(step)):
                return Trust(step, slope(step), found.floor, length)
        if not found.agrees(slope(STEPS[0])):
            shown = max(shown, abs(found.mirrored), abs(slope(STEPS[0]) - found.slope))
    if not seen:
        return None
    circles = [circle(f, copy, moving, side * seen[-1].radius, seen[-1].radius) for side in (4.0, -4.0)]
    beside = [found for found in circles if found]
    if _is_not_analytic(seen, beside, shown):
        raise NotAnalyticError(
            f"along a random direction of {name!r} the complex step gives {slope(STEPS[0]):.10g} and real differences "
            f"{seen[-1].slope + seen[-1].mirrored:.10g}: something between {name!r} and f drops or changes the "
            "imaginary part"
        )
    kink = bool(beside) and all(found.is_sharp for found in beside)
    return Trust(STEPS[0], slope(STEPS[0]), seen[-1].floor, length, kink=True) if kink else None


def _is_spoilt(seen: list[Circle], found: Circle) -> bool:
    """Returns whether a circle is sharp only because rounding has reached the terms of a kink, which fall as r does."""
    if len(seen) < 2 or not found.is_sharp or found.floor <= seen[-1].floor / 2:
        return False
    before, share = (circle.terms / circle.radius for circle in seen[-2:])
    return share / PROPORTIONAL < before < share * PROPORTIONAL


def _is_not_analytic(seen: list[Circle], beside: list[Circle], shown: float) -> bool:
    """Returns whether f, of which no circle around the point agrees with a step, is not analytic there.

    It may have a kink, on both sides of which it is analytic; then terms of high order never vanish around the point,
    and do beside it. Or it has a pole inside of every circle; then c_-1 / r grows as circles shrink.
    """
    if any(found.is_mirrored for found in beside):
        return True
    last = seen[-1]
    if len(seen) > 1 and last.is_mirrored and abs(last.mirrored) > 2 * abs(seen[-2].mirrored):
        return False
    return last.is_mirrored or (last.is_sharp and shown > 0)


def circle(
    f: ScalarFunction, copy: ScalarFunction, moving: dict[str, np.ndarray], centre: float, radius: float
) -> Circle | None:
    """Returns what f shows on a circle along a direction; None if a value is not finite.

    On the real axis f itself is used, so that the two are compared too. The lower half of the circle has the conjugate
    values, since f is real on the axis. Arguments are rounded as well, which moves f by the spacing times the slope.
    """
    angles = np.arange(1, POINTS // 2) * (2 * np.pi / POINTS)
    upper = [copy.moved(moving, centre + radius * complex(np.cos(a), np.sin(a))) for a in angles.tolist()]
    right, left = (f.moved(moving, centre + side * radius) for side in (1.0, -1.0))
    values = np.array([right, *upper, left, *np.conj(upper[::-1])])
    if not np.all(np.isfinite(values)):
        return None
    size = float(np.max(np.abs(values)))
    c = np.fft.fft(values / (size or 1.0)) * (size / POINTS)
    rounding = max(f.noise, f.unit * size, EPSILON * abs(c[1]) / radius)
    offset = abs(c[0].real - f.origin) if centre == 0.0 else 0.0
    slope, mirrored, off = (float(value) / radius for value in (c[1].real, c[-1].real, offset))
    return Circle(radius, slope, mirrored, off, float(rounding), float(np.max(np.abs(c[-6:-1]))))
