"""Method "taylor": the remainders of f along a direction must shrink like h, and with the gradient's term like h^2."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from npseq.gradcheck.directional import check_directional
from npseq.gradcheck.function import ScalarFunction
from npseq.gradcheck.rows import TensorReport
from npseq.gradcheck.verdict import Tensor

HALVINGS = 44
WINDOW = 6  # the slopes are fitted over this many of the shortest steps that rounding leaves alone
FEWEST = 4
CLEAR = 100.0  # a remainder is used if it is this many times the rounding of f


class Remainders(NamedTuple):
    """Holds, along v, the steps h, |f(x + h v) - f(x)|, |f(x + h v) - f(x) - h <g, v>|, and their fitted slopes.

    A slope is NaN if rounding leaves too few remainders to fit one.
    """

    h: np.ndarray
    first: np.ndarray
    second: np.ndarray
    slopes: tuple[float, float]


def check_taylor(tensor: Tensor, f: ScalarFunction, rng: np.random.Generator) -> TensorReport:
    """Checks one tensor by the remainders along random directions; the note gives their slopes along the worst one.

    The gradient is right if the second slope is 2 (Farrell, Ham, Funke and Rognes, SIAM J. Sci. Comput. 35, 2013), that
    is, if the second remainder has no linear part h (<f', v> - <g, v>). A fitted slope does not bound that part: it is
    more than 2 where f'' vanishes, less at a kink, and anything in rounding. So the verdict is on the linear part
    itself, extrapolated to step zero, which is what "directional" compares.
    """
    row = check_directional(tensor, f, rng)
    if row.direction is None:
        return row
    first, second = remainders(f, tensor.name, row.direction, row.analytic).slopes
    note = f"remainders shrink with slopes {_shown(first)} and {_shown(second)} (right: 1 and 2)"
    return replace(row, note=f"{note}; {row.note}")


def remainders(f: ScalarFunction, name: str, v: np.ndarray, expected: float) -> Remainders:
    """Computes both remainders along v at steps from the size of the values down by halves; expected is <g, v>."""
    length = float(np.linalg.norm(v))
    line = f.along(name, v / length)
    h = line.longest / length * 0.5 ** np.arange(HALVINGS)
    change = np.array([line.value(step) for step in (length * h).tolist()]) - line.origin
    h, change = h[np.isfinite(change)], change[np.isfinite(change)]
    rounding = np.maximum(line.noise, line.unit * (abs(line.origin) + np.abs(change)))
    first, second = np.abs(change), np.abs(change - h * expected)
    return Remainders(h, first, second, (_slope(h, first, rounding), _slope(h, second, rounding)))


def _slope(h: np.ndarray, remainder: np.ndarray, rounding: np.ndarray) -> float:
    """Fits a line to logarithms, over the shortest steps with a remainder clear of rounding, and returns its slope."""
    window = np.flatnonzero((remainder >= CLEAR * rounding) & np.isfinite(remainder))[-WINDOW:]
    if window.size < FEWEST:
        return float("nan")
    return float(np.polyfit(np.log(h[window]), np.log(remainder[window]), 1)[0])


def _shown(slope: float) -> str:
    return "(none, all rounding)" if np.isnan(slope) else f"{slope:.2f}"
