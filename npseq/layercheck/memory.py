"""A point at which a layer's memory is long, so that the paths of every lag matter to the gradients of parameters.

A parameter's gradient is a sum over paths of all lags. Where memory is short, those of long lags are below the rounding
of those of short ones: a gradient without them has the same bits, and no checker can tell. But the code of a backward
pass is the same at any point, and so is its mistake. So parameters and x are moved, each tensor by a factor and each
vector by a shift, until a small change of the initial state is about as large at every step's output: then no lag is
small beside another. The search is random, by one tensor at a time, and takes forward passes alone.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from npseq.backend import Array, array_module, to_host

Values = dict[str, Array]
STEP = 2.0**-66
ENOUGH = 6.0  # decades: entries are judged to 1e-12 at the point that was given
GOAL = 3.0  # decades, of the point that is looked for
STARTS, TRIES = 4, 150
FARTHEST = 6.0  # a factor of 2 to this power, or a shift by it


class Knob(NamedTuple):
    """Names what may be moved: a tensor by a power of 2, or by a shift."""

    name: str
    shift: bool

    def __str__(self) -> str:
        return f"{self.name} {'+' if self.shift else '*'}"


class Point(NamedTuple):
    """Holds a point, by how many decades the memory of its states varies, how it was reached, and passes it took."""

    at: Values
    spread: float
    moves: str
    passes: int


class Memory:
    """Measures the memory of a layer's states at a point, by complex steps of its outputs.

    outputs: {name: value} -> {"y": (T, B, H)}; states: the names of the initial states; there: (T, B) which steps
    each sequence has.
    """

    def __init__(self, outputs: Callable[[Values], Values], at: Values, states: list[str], there: np.ndarray):
        rng = np.random.default_rng(0)
        self.outputs, self.there, self.passes = outputs, there, 0
        self.directions = {name: np.asarray(rng.uniform(0.5, 1.5, at[name].shape)) for name in states}

    def spread(self, at: Values) -> float:
        """Returns the largest ratio, in decades, of what a change of a state is at two steps of one sequence."""
        return max((self._of_strand(at, *strand) for strand in self._strands()), default=0.0)

    def _strands(self) -> Iterator[tuple[str, int]]:
        """Yields the owner of a state, "" or "forward" or "backward", and its index, of layers and directions."""
        owners = {name.rpartition(".")[0]: value for name, value in self.directions.items()}
        for owner, value in owners.items():
            yield from ((owner, index) for index in range(len(value)))

    def _of_strand(self, at: Values, owner: str, index: int) -> float:
        values = {name: value.astype(np.complex128) for name, value in at.items()}
        for name, direction in self.directions.items():
            if name.rpartition(".")[0] == owner:
                xp = array_module(values[name])
                values[name][index] += xp.asarray(1j * STEP * direction[index])
        with np.errstate(all="ignore"):
            sizes = np.abs(to_host(self.outputs(values)["y"].imag)).sum(axis=2)
        self.passes += 1
        logs = np.log10(np.maximum(sizes, STEP * 1e-280))
        columns = [logs[own, b] for b, own in enumerate(self.there.T) if own.any()]
        found = max((float(np.ptp(column)) for column in columns), default=0.0)
        return found if np.isfinite(found) else np.inf


def long_memory(memory: Memory, at: Values) -> Point:
    """Returns the point with the longest memory that was found; at itself where that is long enough."""
    spread = memory.spread(at)
    if spread <= ENOUGH:
        return Point(at, spread, "", memory.passes)
    fixed = set(memory.directions)
    knobs = [Knob(name, shift) for name in at for shift in (False, True) if not (shift and at[name].ndim != 1)]
    knobs = [knob for knob in knobs if knob.name not in fixed]
    still = np.zeros(len(knobs)), spread
    setting, spread = still
    for start in range(STARTS):
        if spread > GOAL:
            found = _searched(memory, at, knobs, still, np.random.default_rng(start))
            setting, spread = min((setting, spread), found, key=lambda each: each[1])
    setting, spread = _plainer(memory, at, knobs, setting, spread)
    moves = ", ".join(f"{knob} {_amount(knob, by):.4g}" for knob, by in zip(knobs, setting, strict=True) if by)
    return Point(_moved(at, knobs, setting), spread, moves, memory.passes)


def _searched(
    memory: Memory, at: Values, knobs: list[Knob], still: tuple[np.ndarray, float], rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Turns one knob at a time at random, and keeps what makes memory longer; steps grow and shrink with success."""
    setting, spread = still
    reach = np.ones(len(knobs))
    for _ in range(TRIES):
        if spread <= GOAL:
            break
        tried, knob = setting.copy(), rng.integers(len(knobs))
        tried[knob] = np.clip(tried[knob] + reach[knob] * rng.normal(), -FARTHEST, FARTHEST)
        found = memory.spread(_moved(at, knobs, tried))
        better = found < spread
        reach[knob] *= 1.5 if better else 0.85
        if better:
            setting, spread = tried, found
    return setting, spread


def _plainer(
    memory: Memory, at: Values, knobs: list[Knob], setting: np.ndarray, spread: float
) -> tuple[np.ndarray, float]:
    """Turns back each knob without which memory is long enough."""
    for knob in np.flatnonzero(setting):
        tried = setting.copy()
        tried[knob] = 0.0
        found = memory.spread(_moved(at, knobs, tried))
        if found <= max(spread, GOAL):
            setting, spread = tried, found
    return setting, spread


def _moved(at: Values, knobs: list[Knob], setting: np.ndarray) -> Values:
    moved = dict(at)
    for knob, by in zip(knobs, setting.tolist(), strict=True):
        value = moved[knob.name]
        moved[knob.name] = value + by if knob.shift else value * 2.0**by
    return moved


def _amount(knob: Knob, by: float) -> float:
    return by if knob.shift else 2.0**by
