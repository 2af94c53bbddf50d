"""A scalar function of named arrays, counted, and moved along one entry or one direction at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, array_module, to_host

Scalar = Any  # float or complex, as the function's precision has it
EPSILON = float(np.finfo(np.float64).eps)


class Line(NamedTuple):
    """f along a straight line, t -> f(x + t d), with f(x) and the coordinate whose rounding makes the step."""

    value: Callable[[float], float]
    origin: float
    coordinate: float = 0.0  # x_i where one entry moves, so that a step is known as it was really taken
    shortest: float = 0.0  # below it a step is more rounding than step

    def displacement(self, t: float) -> float:
        """The step that x + t - x really is in float64."""
        return (self.coordinate + t) - self.coordinate


class ScalarFunction:
    """f on its own float64 or complex128 copy of `at`: the caller's arrays are read once and never written on.

    f: {name: array} -> scalar; at: {name: array of any shape}. f sees one working copy in a new dict every time; one
    entry of it moves and is put back bit by bit, which costs nothing beside f.
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
        self.evaluations = 0

    def __call__(self) -> Scalar:
        self.evaluations += 1
        value = self._f(dict(self._work))
        return self._convert(value.item() if hasattr(value, "item") else value)

    def raw(self) -> Any:
        """What f returns, as it returns it."""
        self.evaluations += 1
        return self._f(dict(self._work))

    def with_entry(self, name: str, entry: int, value: Scalar) -> Scalar:
        """f with one entry of one tensor replaced."""
        flat = self._flat[name]
        flat[entry] = value
        try:
            return self()
        finally:
            flat[entry] = self.values[name][entry]

    def moved(self, direction: Mapping[str, np.ndarray], t: Scalar) -> Scalar:
        """f(at + t direction); direction: {name: array (size,)} of the tensors that move."""
        for name, vector in direction.items():
            step = self._xp.asarray(vector.reshape(self._work[name].shape)) * t
            self._work[name][...] = self._start[name] + step
        try:
            return self()
        finally:
            self.restore(direction)

    def restore(self, names: Iterable[str]) -> None:
        """Put these tensors back to where they started."""
        for name in names:
            self._work[name][...] = self._start[name]

    def written_on(self) -> list[str]:
        """The tensors that f has changed in place."""
        return [name for name, value in self._work.items() if not bool((value == self._start[name]).all())]

    def arguments(self) -> dict[str, Array]:
        """A fresh copy of the point."""
        return {name: value.copy() for name, value in self._start.items()}

    def typical(self, name: str) -> float:
        """The root mean square of a tensor's values, or 1 where they are all zero."""
        values = self.values[name]
        largest = float(np.max(np.abs(values), initial=0.0))
        return largest * float(np.sqrt(np.mean((values / largest) ** 2))) if largest > 0 else 1.0

    def along_entry(self, name: str, entry: int, origin: float) -> Line:
        """f along one entry of one tensor; origin is f at the point."""
        x = float(self.values[name][entry])
        shortest = 64 * EPSILON * max(abs(x), EPSILON * self.typical(name))
        return Line(lambda t: self.with_entry(name, entry, x + t), origin, x, shortest)

    def along(self, direction: Mapping[str, np.ndarray], origin: float) -> Line:
        """f along a direction; origin is f at the point."""
        largest = max((float(np.max(np.abs(self.values[name]), initial=0.0)) for name in direction), default=0.0)
        return Line(lambda t: self.moved(direction, t), origin, 0.0, 2**20 * EPSILON * largest)


def unit_direction(rng: np.random.Generator, size: int) -> np.ndarray:
    """A random direction (size,), Gaussian, of norm one; it moves f about as much as a typical entry does."""
    direction = rng.standard_normal(size)
    return direction / np.linalg.norm(direction) if size else direction
