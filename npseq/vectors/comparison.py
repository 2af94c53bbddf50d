"""Compares an answer with the right one, each tensor on its own scale, outputs and dx one step at a time."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

BY_STEP = ("y", "dx")  # what has a time axis, its first


class Difference(NamedTuple):
    """The worst entry of an answer: by how much of its scale it is off, and where."""

    error: float
    name: str
    place: tuple[int, ...]
    given: float
    right: float

    def __str__(self) -> str:
        entry = f"{self.name}[{', '.join(map(str, self.place))}]" if self.place else self.name
        return f"{entry} is {self.given:.9g}, right is {self.right:.9g}"


def compare(answer: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> Difference:
    """Returns the worst entry of all tensors that are answered.

    An error is relative to the tensor's largest entry, in y and dx to the step's. Where all entries are zero, such as
    behind a sequence's end, any other number is infinitely wrong.

    Raises:
        ValueError: if nothing is answered, or a name or a shape is not that of the case.
    """
    unknown = [name for name in answer if name not in expected]
    if unknown or not answer:
        raise ValueError(
            f"the answer must hold some of {', '.join(expected)}, got {', '.join(map(repr, unknown)) or 'nothing'}"
        )
    for name, value in answer.items():
        if value.shape != expected[name].shape:
            raise ValueError(f"{name} must have shape {expected[name].shape}, got {value.shape}")
    return max((_worst(name, value, expected[name]) for name, value in answer.items()), key=lambda one: one.error)


def _worst(name: str, given: np.ndarray, right: np.ndarray) -> Difference:
    size = np.abs(right)
    scale = size.max(axis=tuple(range(1, size.ndim)), keepdims=True) if name in BY_STEP else size.max()
    with np.errstate(all="ignore"):
        errors = np.abs(given - right)
        errors = np.where(errors == 0, 0.0, errors / scale)
    errors[np.isnan(errors)] = np.inf
    index = np.unravel_index(errors.argmax(), errors.shape)
    place = tuple(int(k) for k in index)
    return Difference(float(errors[place]), name, place, float(given[place]), float(right[place]))
