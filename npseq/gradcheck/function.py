"""A ScalarFunction counts the calls of f and moves its point along one entry or one direction at a time."""

from collections.abc import Callable, Mapping
from numbers import Complex, Real
from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, array_module, to_host

Scalar = Any  # float or complex, depending on the dtype that f gets
EPSILON = float(np.finfo(np.float64).eps)
TINY = 2.0**-1000  # a smaller value counts as zero: a step relative to it would have no digits


class Line(NamedTuple):
    """Holds f along a straight line through the point, t -> f(x + t d).

    f may hide a structure as small as its rounding at any scale, and nothing but a step inside it would show that.
    So the slope at the point is known no better than noise / longest, where `longest` is the size of the values
    themselves: no longer step is taken, and f is taken to have no structure below its rounding narrower than that.
    """

    value: Callable[[float], float]
    origin: float  # f(x)
    noise: float = 0.0  # a bound on the rounding error of f near the point
    typical: float = 1.0  # the size of the values that move
    coordinate: float = 0.0  # x_i if one entry moves, so that the step really taken is known
    shortest: float = 0.0  # a shorter step consists of rounding
    longest: float = 1.0
    unit: float = EPSILON  # the relative spacing of the numbers that f returns
    rounded: float = 0.0  # how far the point may be rounded, by f too, which makes a product of it, say

    def displacement(self, t: float) -> float:
        """Returns the step that x + t - x really is in float64."""
        return (self.coordinate + t) - self.coordinate

    def rounding(self, *values: float) -> float:
        """Returns a bound on the rounding error of these values of f."""
        return max(self.noise, *(self.unit * abs(value) for value in values))


class ScalarFunction:
    """Evaluates f on its own float64 or complex128 copy of a point.

    f: {name: array} -> scalar; at: {name: array of any shape}, never written to. f sees one working copy in a new dict
    every time; one entry of it moves and is put back in every bit, which is cheap compared with f. `origin`, `noise`
    and `unit` are f at the point, a bound on its rounding error, and the relative spacing of its values, once measured.
    """

    def __init__(self, f: Callable[[dict[str, Array]], Scalar], at: Mapping[str, Array], dtype: type = np.float64):
        xp = array_module(*at.values())
        self._f = f
        self._xp = xp
        self._convert: type = complex if dtype is np.complex128 else float
        self._start = {name: xp.array(value, dtype=dtype, order="C") for name, value in at.items()}
        self._work = {name: value.copy() for name, value in self._start.items()}
        self._flat = {name: value.reshape(-1) for name, value in self._work.items()}
        self.values = {name: to_host(value).real.reshape(-1).copy() for name, value in self._start.items()}
        self.origin = float("nan")
        self.noise = 0.0
        self.unit = EPSILON
        self.evaluations = 0

    def __call__(self) -> Scalar:
        """Returns f at the point. Raises ValueError if that is no scalar, or a complex one for real arrays."""
        return self._number(self.raw())

    def _number(self, value: Any) -> Scalar:
        value = scalar(value)
        if self._convert is float and isinstance(value, complex):
            raise ValueError("f must return a real scalar for real arrays, got a complex one; return its .real")
        return self._convert(value)

    def raw(self) -> Any:
        """Returns what f returns, not converted."""
        return self._counted(dict(self._work))

    def _counted(self, arguments: dict[str, Array]) -> Any:
        self.evaluations += 1
        return self._f(arguments)

    def _away(self) -> Scalar:
        """Returns f away from the point; NaN where it raises, as functions of Python do outside of their domain."""
        try:
            value = self.raw()
        except (ArithmeticError, ValueError):
            return self._convert("nan")
        return self._number(value)

    def complex_copy(self) -> "ScalarFunction":
        """Returns f on a complex128 copy of the point; its evaluations count here too."""
        return ScalarFunction(self._counted, self._start, np.complex128)

    def with_entry(self, name: str, entry: int, value: Scalar) -> Scalar:
        """Returns f with one entry of one tensor replaced."""
        flat = self._flat[name]
        flat[entry] = value
        try:
            return self._away()
        finally:
            flat[entry] = self.values[name][entry]

    def moved(self, direction: Mapping[str, np.ndarray], t: Scalar) -> Scalar:
        """Returns f(at + t direction); direction: {name: array (size,)} of the tensors that move."""
        for name, vector in direction.items():
            step = self._xp.asarray(vector.reshape(self._work[name].shape)) * t
            self._work[name][...] = self._start[name] + step
        try:
            return self._away()
        finally:
            for name in direction:
                self._work[name][...] = self._start[name]

    def written_on(self) -> list[str]:
        """Lists the tensors that f has changed in place."""
        return [name for name, value in self._work.items() if not bool((value == self._start[name]).all())]

    def arguments(self) -> dict[str, Array]:
        """Returns a new copy of the point."""
        return {name: value.copy() for name, value in self._start.items()}

    def typical(self, name: str) -> float:
        """Returns the root mean square of a tensor's values, or 1 if they are all zero."""
        size = root_mean_square(self.values[name])
        return max(size, TINY) if size > 0 else 1.0

    def sizes(self, name: str) -> np.ndarray:
        """Returns the size of every entry (size,): its absolute value, or the tensor's typical one where it is zero."""
        x = np.abs(self.values[name])
        return np.where(x < TINY, self.typical(name), x)

    def along_entry(self, name: str, entry: int) -> Line:
        """Returns f along one entry of one tensor."""
        x, typical = float(self.values[name][entry]), self.typical(name)
        shortest = 64 * EPSILON * max(abs(x), EPSILON * typical)
        line = Line(lambda t: self.with_entry(name, entry, x + t), self.origin, self.noise, typical, x, shortest)
        return line._replace(longest=max(typical, abs(x)), unit=self.unit, rounded=EPSILON * abs(x))

    def along(self, name: str, direction: np.ndarray) -> Line:
        """Returns f along a direction (size,) of norm one of one tensor.

        The longest step moves every entry by about its own size, the shortest one the largest by some spacings of it.
        """
        typical, moving, root = self.typical(name), {name: direction}, max(direction.size, 1) ** 0.5
        shortest = 64 * EPSILON * root * float(np.max(np.abs(self.values[name]), initial=0.0))
        line = Line(lambda t: self.moved(moving, t), self.origin, self.noise, typical, shortest=shortest)
        return line._replace(longest=typical * root, unit=self.unit, rounded=EPSILON * typical)


def scalar(value: Any) -> Scalar:
    """Returns what f returned as a float or a complex; an integer too large for these is infinite.

    Raises ValueError for anything but a number or an array of no axes that holds one.
    """
    shape = getattr(value, "shape", ())
    if isinstance(shape, tuple) and shape:
        raise ValueError(
            f"f must return a scalar, got an array of shape {tuple(shape)}; reduce it, say by a sum with fixed weights"
        )
    found = value.item() if isinstance(shape, tuple) and callable(getattr(value, "item", None)) else value
    if isinstance(found, bool) or not isinstance(found, Complex):
        raise ValueError(f"f must return a scalar, got a {type(found).__name__}; return a float")
    try:
        return float(found) if isinstance(found, Real) else complex(found)
    except OverflowError:
        return float("inf")


def root_mean_square(values: np.ndarray) -> float:
    """Returns the root mean square, 0.0 of no values, where squares would be too large or too small for float64 too."""
    largest = float(np.max(np.abs(values), initial=0.0))
    return largest * float(np.sqrt(np.mean((values / largest) ** 2))) if largest > 0 else 0.0


def unit_direction(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draws a Gaussian direction (size,) of norm one; it moves f about as much as a typical entry does."""
    direction = rng.standard_normal(size)
    return direction / np.linalg.norm(direction) if size else direction
