"""A ScalarFunction counts the calls of f and moves its point along one entry or one direction at a time."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, array_module, to_host

Scalar = Any  # float or complex, depending on the dtype that f gets
EPSILON = float(np.finfo(np.float64).eps)


class Line(NamedTuple):
    """Holds f along a straight line through the point, t -> f(x + t d)."""

    value: Callable[[float], float]
    origin: float  # f(x)
    noise: float = 0.0  # a bound on the rounding error of f
    typical: float = 1.0  # the size of the values of the tensor that moves
    coordinate: float = 0.0  # x_i if one entry moves, so that the step really taken is known
    shortest: float = 0.0  # a shorter step consists of rounding

    def displacement(self, t: float) -> float:
        """Returns the step that x + t - x really is in float64."""
        return (self.coordinate + t) - self.coordinate


class ScalarFunction:
    """Evaluates f on its own float64 or complex128 copy of a point.

    f: {name: array} -> scalar; at: {name: array of any shape}, never written to. f sees one working copy in a new dict
    every time; one entry of it moves and is put back in every bit, which is cheap compared with f. `origin` and `noise`
    are f at the point and a bound on its rounding error, once they are measured.
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
        self.evaluations = 0

    def __call__(self) -> Scalar:
        value = self.raw()
        return self._convert(value.item() if hasattr(value, "item") else value)

    def raw(self) -> Any:
        """Returns what f returns, not converted."""
        return self._counted(dict(self._work))

    def _counted(self, arguments: dict[str, Array]) -> Any:
        self.evaluations += 1
        return self._f(arguments)

    def complex_copy(self) -> "ScalarFunction":
        """Returns f on a complex128 copy of the point; its evaluations count here too."""
        return ScalarFunction(self._counted, self._start, np.complex128)

    def with_entry(self, name: str, entry: int, value: Scalar) -> Scalar:
        """Returns f with one entry of one tensor replaced."""
        flat = self._flat[name]
        flat[entry] = value
        try:
            return self()
        finally:
            flat[entry] = self.values[name][entry]

    def moved(self, direction: Mapping[str, np.ndarray], t: Scalar) -> Scalar:
        """Returns f(at + t direction); direction: {name: array (size,)} of the tensors that move."""
        for name, vector in direction.items():
            step = self._xp.asarray(vector.reshape(self._work[name].shape)) * t
            self._work[name][...] = self._start[name] + step
        try:
            return self()
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
        values = self.values[name]
        largest = float(np.max(np.abs(values), initial=0.0))
        return largest * float(np.sqrt(np.mean((values / largest) ** 2))) if largest > 0 else 1.0

    def along_entry(self, name: str, entry: int) -> Line:
        """Returns f along one entry of one tensor."""
        x, typical = float(self.values[name][entry]), self.typical(name)
        shortest = 64 * EPSILON * max(abs(x), EPSILON * typical)
        return Line(lambda t: self.with_entry(name, entry, x + t), self.origin, self.noise, typical, x, shortest)

    def along(self, name: str, direction: np.ndarray) -> Line:
        """Returns f along a direction (size,) of one tensor."""
        shortest = 2**20 * EPSILON * float(np.max(np.abs(self.values[name]), initial=0.0))
        typical, moving = self.typical(name), {name: direction}
        return Line(lambda t: self.moved(moving, t), self.origin, self.noise, typical, shortest=shortest)


def unit_direction(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draws a Gaussian direction (size,) of norm one; it moves f about as much as a typical entry does."""
    direction = rng.standard_normal(size)
    return direction / np.linalg.norm(direction) if size else direction
