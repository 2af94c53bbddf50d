"""What is right: every entry is held against 80 bits, on the scale of its own tensor, and against PyTorch.

A tensor is a parameter's gradient, or one step of one sequence of y or dx, or one sequence's state in one layer. Its
error passes where it is at most `depth` rounding units of the tensor's largest entry. The others are held against what
rounding alone does: the oracle runs again with a random error in each operation. An error counts as wrong that is more
than AMPLE times the largest of many such runs. The same runs excuse an error that is larger than PyTorch's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from benchmarks.fuzz.arithmetic import Arithmetic
from benchmarks.fuzz.draw import Draw

AMPLE = 4.0
FURTHER = 2.0  # times PyTorch's error
FLOOR = 8.0  # rounding units of a tensor's largest entry, below which nobody is called further away
SAMPLES = (8, 64)  # noisy runs: at first, and before anything is called wrong
Tensors = Mapping[str, np.ndarray]


class Case(NamedTuple):
    """What npseq gave, and how to find what is right.

    rows: how many axes in front tell the tensors of an array apart: 2 of (T, B, features), 0 of a gradient.
    right: the oracle, in exact or noisy arithmetic: arrays with an axis of samples in front.
    """

    found: Tensors
    rows: Mapping[str, int]
    right: Callable[[Callable[..., Arithmetic]], Tensors]
    dtype: Any
    depth: float
    rival: Callable[[], Tensors] | None = None


def largest(array: np.ndarray, rows: int) -> np.ndarray:
    """The largest size of an entry of each tensor; nan counts as infinite."""
    sizes = np.abs(array).max(axis=tuple(range(rows, array.ndim)), initial=0)
    return np.where(np.isnan(sizes), np.inf, sizes)


class Judge:
    """Compares cases and counts what it has seen."""

    def __init__(self) -> None:
        self.count = Counter[str]()
        self.worst = 0.0  # npseq's largest error, in rounding units of a tensor's scale, of those that pass at once
        self.relative = 0.0  # and its largest over that of the noisy runs
        self.logarithms: list[float] = []  # of npseq's errors over PyTorch's

    def findings(self, case: Case, draw: Draw, rng: np.random.Generator) -> list[str]:
        """One line for everything that is wrong; none where all is right. rng: of the noisy runs."""
        with np.errstate(all="ignore"):
            exact = {name: array[0] for name, array in case.right(lambda **o: Arithmetic(case.dtype, **o)).items()}
            rival = {} if case.rival is None else case.rival()
            if shapes := self._shapes(case, exact):
                return draw.complaints + shapes
            doubtful, noise = self._screen(case, exact, rival), {}
            for samples in SAMPLES if doubtful else ():
                noise = self._noise(case, exact, samples, rng)
                doubtful = [name for name in doubtful if self._fails(case, exact, rival, noise, name)]
                if not doubtful:
                    break
        return draw.complaints + [self._line(case, exact, rival, noise, name) for name in doubtful]

    def _shapes(self, case: Case, exact: Tensors) -> list[str]:
        wrong = [f"{n} is missing" for n in exact if n not in case.found]
        for name, array in case.found.items():
            if name not in exact:
                wrong.append(f"{name} has no right value")
            elif np.shape(array) != exact[name].shape:
                wrong.append(f"{name} has shape {np.shape(array)}, right is {exact[name].shape}")
        return wrong

    def _error(self, case: Case, exact: Tensors, values: Tensors, name: str) -> np.ndarray:
        same = values[name] == exact[name]  # infinities of one sign are
        error = np.where(same, 0, np.asarray(values[name], exact[name].dtype) - exact[name])
        return largest(error, case.rows.get(name, 0))

    def _scale(self, case: Case, exact: Tensors, name: str) -> np.ndarray:
        return np.finfo(case.dtype).eps / 2 * largest(exact[name], case.rows.get(name, 0))

    def _screen(self, case: Case, exact: Tensors, rival: Tensors) -> list[str]:
        """The arrays with tensors that do not pass at once."""
        doubtful = []
        for name in exact:
            error, scale = self._error(case, exact, case.found, name), self._scale(case, exact, name)
            bad = error > case.depth * scale
            self.count["entries"] += exact[name].size
            self.count["tensors"] += error.size
            self.count["ill-conditioned tensors"] += int(bad.sum())
            if name in rival:
                other = self._error(case, exact, rival, name)
                further = error > np.maximum(FURTHER * other, FLOOR * scale)
                self.count["beside PyTorch"] += error.size
                both = (error > 0) & (other > 0) & np.isfinite(error + other)
                self.count["both differ"] += int(both.sum())
                self.logarithms.extend(np.log((error[both] / other[both]).astype(float)).tolist())
                self.count["npseq closer"] += int((error < other).sum())
                self.count["PyTorch closer"] += int((error > other).sum())
                self.count["further than PyTorch before rounding is known"] += int(further.sum())
                bad = bad | further
            if bad.any():
                doubtful.append(name)
            good = (error <= case.depth * scale) & (scale > 0)
            self.worst = max(self.worst, float((error / np.where(good, scale, np.inf)).max(initial=0)))
        return doubtful

    def _noise(self, case: Case, exact: Tensors, samples: int, rng: np.random.Generator) -> Tensors:
        """How far rounding alone takes each tensor, at most, in many runs."""
        runs = case.right(lambda **o: Arithmetic(case.dtype, samples, rng, **o))
        distance = {}
        for name, right in exact.items():
            off = np.where(runs[name] == right, 0, runs[name] - right)
            distance[name] = largest(off, case.rows.get(name, 0) + 1).max(axis=0)
        return distance

    def _judged(self, case: Case, exact: Tensors, rival: Tensors, noise: Tensors, name: str) -> tuple[Any, ...]:
        """(error, what it may be, PyTorch's error or None) of every tensor of an array."""
        error = self._error(case, exact, case.found, name)
        may = np.maximum(case.depth * self._scale(case, exact, name), AMPLE * noise[name])
        if name not in rival:
            return error, may, None
        other = self._error(case, exact, rival, name)
        floor = np.maximum(FLOOR * self._scale(case, exact, name), noise[name])
        return error, np.minimum(may, FURTHER * np.maximum(other, floor)), other

    def _fails(self, case: Case, exact: Tensors, rival: Tensors, noise: Tensors, name: str) -> bool:
        error, may, _ = self._judged(case, exact, rival, noise, name)
        usual = np.maximum(noise[name], case.depth * self._scale(case, exact, name))
        good = (error <= may) & (usual > 0)
        self.relative = max(self.relative, float((error / np.where(good, usual, np.inf)).max(initial=0)))
        return bool((error > may).any())

    def _line(self, case: Case, exact: Tensors, rival: Tensors, noise: Tensors, name: str) -> str:
        error, may, other = self._judged(case, exact, rival, noise, name)
        at = np.unravel_index(np.argmax(np.where(error > may, error / np.where(may > 0, may, 1e-300), 0)), error.shape)
        scale = largest(exact[name], case.rows.get(name, 0))[at]
        place = f"{name}{list(map(int, at)) if at else ''}"
        beside = "" if other is None else f", PyTorch's {float(other[at]):.1e}"
        return (f"{place}: error {float(error[at]):.1e} on a scale of {float(scale):.1e}; "
                f"rounding explains {float(noise[name][at]):.1e}{beside}")  # fmt: skip
