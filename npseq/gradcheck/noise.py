"""The rounding of f is measured: how much its values jitter while its arguments hardly move.

f is seen as F + e with a smooth F and an error e of rounding, whatever it comes from: float64, a float32 or float16
inside, a large constant, digits cut off. Two kinds of e are told apart.

- Where each step of the arguments rounds anew, e jitters. A k-th difference of F at the spacing s is s^k F^(k), one of
  independent errors of variance sigma^2 has the variance sigma^2 comb(2k, k) (ECNoise: More and Wild, Estimating
  computational noise, SIAM J. Sci. Comput. 33, 2011). So high differences at a small spacing cancel F and keep e. A
  spacing of 2^-20 is far above the spacing of float64 and still 8 of float32; F shrinks by 2^-15 in a fifth difference
  if the spacing is an eighth, e stays.
- Where the arguments move by less than f can show, f is a staircase. Halving between two points that differ finds one
  stair: a smooth f halves its step each time, a stair stays whole. One rounding errs by half of a stair.

The bound is 4 sigma, or two stairs if that is more.
"""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from math import comb
from typing import NamedTuple

import numpy as np

from npseq.gradcheck.function import EPSILON, ScalarFunction

POINTS = 12
ORDERS = (5, 6, 7)
SAFETY = 4.0  # of the bound over sigma: a uniform error reaches 1.7, a normal one exceeds 4 once in 16,000 times
STAIRS = 2.0  # of the bound over one stair, which leaves room for four roundings
FIRST = 2.0**-20  # the spacing of the points, relative to each value: 2^32 of float64, 8 of float32
FINER = tuple(2.0**-k for k in range(23, 48, 3))  # these are tried if the first shows more than the rounding of float64
COARSER = (2.0**-16, 2.0**-12, 2.0**-8, 2.0**-4, 1.0)  # these are tried if f stands still
FLOAT64 = 64 * EPSILON  # relative to f, a noise as small needs no second look
SAME = 30.0  # levels of noise are this close together, those of a smooth f 2^15 apart
STILL = POINTS // 4  # f stands still if this many of its steps are zero; a jitter of few levels has less
DROWNED = 0.05  # of what f changes by; above it, no slope could be told to 1e-4 anyway
AROUND = 4  # points where f may change
LINES = 3  # random lines on which f must stand still to count as constant
HALVINGS = 26
UNEVEN = 0.1  # a step that is not half of the one before, by this much, consists of stairs
PRECISIONS = (8, 11, 24)  # binary digits of bfloat16, float16 and float32


Along = Callable[[float], float]


class Samples(NamedTuple):
    """Holds points of a line and the values of f there, (POINTS,) each."""

    t: np.ndarray
    values: np.ndarray


class Rounding(NamedTuple):
    """Holds a bound on the rounding error of f near the point, and the relative spacing of the numbers it returns."""

    noise: float
    unit: float


def measured_rounding(f: ScalarFunction, rng: np.random.Generator, repeats: float = 0.0) -> Rounding:
    """Returns the rounding of f near its point, at least the spacing of its numbers there; infinite if f drowns in it.

    repeats: by how much f has differed when called again.
    """
    for _ in range(LINES):
        found = _along(partial(f.moved, _direction(f, rng)), f.origin)
        if found is not None:
            drowns = repeats == 0.0 and found.noise > FLOAT64 * abs(f.origin) and _drowns(f, found.noise, rng)
            return found._replace(noise=float("inf") if drowns else max(found.noise, repeats))
    unit = 2.0 ** (1 - PRECISIONS[0])  # a constant may be rounded to as little as the shortest type
    return Rounding(max(unit * abs(f.origin), repeats), unit)


def _direction(f: ScalarFunction, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draws a direction that moves every entry by its own size."""
    return {name: f.sizes(name) * rng.standard_normal(x.size) for name, x in f.values.items()}


def _drowns(f: ScalarFunction, noise: float, rng: np.random.Generator) -> bool:
    """Returns whether f changes little more over the size of its arguments than what has been taken for its noise.

    Then that may be f itself: a wave too short for any step looks like noise. Nothing can be said about its slopes.
    """
    change = np.abs(np.array([f.moved(_direction(f, rng), 1.0) for _ in range(AROUND)]) - f.origin)
    return noise > DROWNED * float(np.max(change, initial=0.0, where=np.isfinite(change)))


def _along(line: Along, origin: float) -> Rounding | None:
    """Returns the rounding of f along a line; None if f does not move."""
    moved = samples(line)
    magnitude = float(np.max(np.abs(moved.values), initial=abs(origin), where=np.isfinite(moved.values)))
    if _stands_still(moved.values):
        noise, moved = _stairs(line, moved)
        if np.all(moved.values == origin):
            return None
    else:
        noise = _rounded_anew(line, moved, magnitude)
    unit = _unit(np.append(moved.values, origin))
    return Rounding(max(noise, unit * magnitude), unit)


def samples(line: Along, spacing: float = FIRST) -> Samples:
    """Returns f at POINTS equally spaced points, (POINTS,), on the side where it is finite if there is one.

    The point itself is none of them: a kink close by would lie between it and the others, and look like noise.
    """
    for side in (spacing, -spacing):
        t = side * np.arange(1, POINTS + 1)
        values = np.array([line(step) for step in t.tolist()])
        if np.all(np.isfinite(values)):
            break
    return Samples(t, values)


def _unit(values: np.ndarray) -> float:
    """Returns the relative spacing of the shortest binary numbers that hold all values."""
    if np.all(np.isfinite(values)):
        mantissas = np.frexp(values)[0]
        for digits in PRECISIONS:
            if np.all(mantissas * 2.0**digits % 1 == 0):
                return 2.0 ** (1 - digits)
    return EPSILON


def levels(line: Along, first: Samples, magnitude: float) -> list[float]:
    """Lists what differences leave at finer and finer spacings, until only the noise can be left, or f stands still.

    magnitude: of the values.
    """
    found: list[float] = []
    for spacing in (FIRST, *FINER):
        values = first.values if spacing == FIRST else samples(line, spacing).values
        if np.all(np.isfinite(values)):
            if found and _stands_still(values):
                break
            found.append(_deviation(values))
            if found[-1] <= FLOAT64 * magnitude:
                break
    return found


def jitter(found: list[float], magnitude: float) -> float:
    """Returns the standard deviation of the noise that levels show; infinite if there are none.

    It is the level at which differences stay, not the lowest one, which chance may have lowered.
    """
    if not found or found[-1] <= FLOAT64 * magnitude:
        return found[-1] if found else float("inf")
    low = sorted(found)[:2][-1]
    return max(level for level in found if level <= SAME * low)


def _rounded_anew(line: Along, first: Samples, magnitude: float) -> float:
    """Returns the noise of an f that is rounded anew at each point.

    Differences miss a part of f that stands still at the finer spacings, and one that is rounded at the same place of
    its grid each time. But that has stairs, and the noise is the least that is no less than what they make.
    """
    found = levels(line, first, magnitude)
    height = _height(line, first) if np.all(np.isfinite(first.values)) else 0.0
    return max(SAFETY * min((level for level in found if level >= height / 8), default=0.0), STAIRS * height)


def _stairs(line: Along, first: Samples) -> tuple[float, Samples]:
    """Returns the noise of an f that stands still, and the samples where it first moves.

    The noise is the height of the stairs, or the jitter further out if that is more.
    """
    moved, height = first, 0.0
    for spacing in (FIRST, *COARSER):
        found = first if spacing == FIRST else samples(line, spacing)
        if not np.all(np.isfinite(found.values)):
            break
        if height == 0.0 and np.any(found.values != found.values[0]):
            moved, height = found, STAIRS * _height(line, found)
            if height == 0.0:
                break
        if height > 0.0 and spacing < COARSER[-1] and not _stands_still(found.values):
            return max(height, SAFETY * _deviation(found.values)), moved
    return height, moved


def _height(line: Along, found: Samples) -> float:
    """Returns the height of a stair between the samples that differ most, found by halving; zero if f is continuous.

    The step of a smooth f is halved each time, that of stairs is not when few are left.
    """
    t, values = found
    k = int(np.argmax(np.abs(np.diff(values))))
    (near, far), (before, after) = t[k : k + 2].tolist(), values[k : k + 2].tolist()
    steps = []
    for _ in range(HALVINGS):
        middle = (near + far) / 2
        value = line(middle)
        if abs(value - before) >= abs(after - value):
            far, after = middle, value
        else:
            near, before = middle, value
        steps.append(abs(after - before))
    uneven = any(abs(step - wider / 2) > UNEVEN * wider for wider, step in pairwise(steps[-6:]))
    return steps[-1] if uneven else 0.0


def _deviation(values: np.ndarray) -> float:
    """Returns the standard deviation of the noise, the root mean square over all differences of the ORDERS."""
    size = float(np.max(np.abs(values))) or 1.0  # squares of very large or small values are no numbers
    differences = [np.diff(values / size, order) for order in ORDERS]
    variances = [np.mean(d**2) / comb(2 * order, order) for d, order in zip(differences, ORDERS, strict=True)]
    return size * float(np.sqrt(np.mean(variances)))


def _stands_still(values: np.ndarray) -> bool:
    """Returns whether the points lie closer than the precision of f."""
    return bool(np.count_nonzero(np.diff(values) == 0) >= STILL)
