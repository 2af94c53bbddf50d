"""Parameters are judged where the paths of every lag matter, and what is missing is named by lag or by step.

Where the memory of a layer is short, the check goes to a point with a long one (memory.py). There each parameter is
judged by losses early and late and by the loss at all steps, of which a path of any lag, through any step, is a good
part. If one is wrong, its gradient is held against sums of some of the paths, which forward passes in pieces give:

- those of lag k - 1 at the most: the loss whose states k steps back are held fixed (surrogate.py);
- those through step t and later ones alone: the pass up to t runs with the parameter as it is, the rest moves it.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, array_module, to_host
from npseq.gradcheck import Report, TensorReport
from npseq.layercheck.memory import GOAL, Memory, Point, long_memory
from npseq.layercheck.over_time import (
    RTOL,
    STEP,
    InTime,
    Judged,
    Measured,
    is_state,
    judged,
    loss_of,
    measured,
    steps_of_losses,
)
from npseq.layers.recurrent import Recurrent

Values = dict[str, Array]
SAME = 1e-7  # of the slope, where a gradient is held against a sum of some paths
NEAR = 2.0**-48  # how far a neighbour of the point is, relative to each number
LATER = 3  # steps, at the most, by which the first wrong loss is later than the lag
FADED = (
    "no point was found at which memory lasts over all steps, it fades by {:.0f} decades: "
    "paths of the longest lags are judged in dx and in the initial states alone"
)
AMPLIFIED = 8.0  # times what slopes of the neighbour differ by, rounding may have cost


class Numeric(NamedTuple):
    """Holds what the outputs say at a point, and at a neighbour of it, which shows how far rounding is amplified."""

    known: Measured
    near: Callable[[], Measured]


class Here(NamedTuple):
    """Holds a layer at a point: its x and initial state, what it computes, and the values of the point."""

    layer: Any
    x: Array
    state: Any
    time: InTime
    at: Values
    truncated: Callable[[int], InTime]  # the same with paths of so many lags alone; ValueError where there is none


def parameters_alone(report: Report) -> bool:
    """Returns whether nothing but parameters is wrong, if anything is."""
    others = [row for row in report.tensors if row.name == "x" or is_state(row.name)]
    statuses = {row.status for row in report.tensors}
    return all(row.passed for row in others) and "inconclusive" not in statuses and not report.kinks


def by_paths(here: Callable[[Values], Here], whole: InTime, at: Values, report: Report) -> Report:
    """Returns the report, in which a parameter has failed that lacks paths, and is told what is missing.

    Every tensor in it has passed, or parameters alone are wrong: then these are named. here: the layer at a point;
    whole: what it computes at the first, without truncation.
    """
    states = [name for name in at if is_state(name)]
    point = long_memory(Memory(whole.outputs, at, states, whole.there), at)
    report = replace(report, evaluations=report.evaluations + point.passes)
    if report.passed and not point.moves:
        return report
    there = here(point.at)
    wrong = [row.name for row in report.tensors if row.status == "fail"]
    numeric = measured_there(there, wrong or [name for name in at if name != "x" and name not in states])
    found, missing = judged_there(there.time, numeric), Missing(there, numeric.known.directions)
    rows = tuple(_row(row, found.get(row.name, []), missing, point) for row in report.tensors)
    faded = not wrong and all(row.passed for row in rows) and point.spread > 2 * GOAL
    return replace(report, tensors=rows, note=FADED.format(point.spread) if faded else report.note)


def measured_there(there: Here, names: Collection[str]) -> Numeric:
    """Returns what the outputs say of some parameters, by losses at single steps and at all."""
    losses = [*steps_of_losses(there.time.there), None]

    def at(values: Values) -> Measured:
        return measured(there.time, values, np.random.default_rng(0), names, losses)

    def near() -> Measured:
        signs, moved = np.random.default_rng(1), {}
        for name, value in there.at.items():
            moved[name] = value * array_module(value).asarray(1 + NEAR * signs.choice([-1.0, 1.0], value.shape))
        return at(moved)

    return Numeric(at(there.at), cache(near))


def judged_there(time: InTime, numeric: Numeric) -> dict[str, list[Judged]]:
    """Returns {parameter: its judgements}, those as wrong that are so beyond what rounding may cost there."""
    found = judged(time, numeric.known)
    if not any(each.wrong.any() for judgements in found.values() for each in judgements):
        return found
    near = numeric.near().slopes
    return {
        name: [
            each._replace(wrong=each.wrong & (each.error * each.size > _allowed(each, a, b)))
            for each, a, b in zip(judgements, numeric.known.slopes[name], near[name], strict=True)
        ]
        for name, judgements in found.items()
    }


def _allowed(each: Judged, here: np.ndarray, near: np.ndarray) -> np.ndarray:
    found: np.ndarray = RTOL * each.size + AMPLIFIED * np.abs(here.sum() - near.sum())
    return found


def _row(row: TensorReport, found: list[Judged], missing: "Missing", point: Point) -> TensorReport:
    wrong = [each for each in found if each.wrong.any()]
    if not wrong:
        return row
    where = next(missing.told(row.name), "")
    if row.status == "fail":
        return replace(row, where=where or row.where, note=f"{row.note}{where and f'; {where}'}")
    note = f"wrong where memory is long, at {point.moves}: {where or loss_of(wrong[-1])}"
    return replace(row, status="fail", error=float(np.max(wrong[-1].error)), note=note, where=where)


class Missing:
    """Says what a wrong gradient lacks, where sums of some paths do."""

    def __init__(self, there: Here, directions: dict[str, np.ndarray]):
        self.there = there
        self.directions = directions
        self.gradients: dict[Any, Values] = {}
        self.cut: dict[int, InTime] = {}

    def told(self, name: str) -> Iterator[str]:
        """Yields it of one parameter."""
        layer, v = self.there.layer, self.directions[name]
        yield from self._by_lag(name, v)
        if isinstance(layer, Recurrent) and layer.directions == 1 and not (layer.dropout.p or layer.cell.masks):
            yield from _by_steps(_later(self.there, name, v), self._claimed(None, name, v))

    def _claimed(self, step: Any, name: str, v: np.ndarray) -> float:
        """Returns the slope along v by the gradient that backward computes of the loss at a step, or at all."""
        if step not in self.gradients:
            dy = self.there.time.weights
            if step is not None:
                dy = dy * array_module(dy).asarray((np.arange(len(dy)) == step)[:, None, None], dtype=dy.dtype)
            self.gradients[step] = {key: to_host(value) for key, value in self.there.time.gradient(dy).items()}
        return float((self.gradients[step][name] * v).sum())

    def _by_lag(self, name: str, v: np.ndarray) -> Iterator[str]:
        """The first loss at one step that is wrong is at step k if paths of lag k and more are missing.

        It is later where step 0 has no path: the initial state is zero.
        """
        time = self.there.time
        right = to_host(_moved(time.outputs, self.there.at, name, v) * time.weights).sum(axis=(1, 2)) / STEP
        low, high = 0, len(right) - 1
        while low < high:
            middle = (low + high) // 2
            if _same(self._claimed(middle, name, v), right[middle]):
                low = middle + 1
            else:
                high = middle
        for lag in range(low, max(low - LATER, 0), -1):
            if _same(self._claimed(None, name, v), self._up_to(lag, name, v)):
                yield f"paths of lag {lag} or more are missing"

    def _up_to(self, lag: int, name: str, v: np.ndarray) -> float:
        """Returns the slope along v by paths of a smaller lag alone; nan where no lag can be cut."""
        try:
            time = self.cut.get(lag) or self.cut.setdefault(lag, self.there.truncated(lag))
        except ValueError:  # of two directions
            return float("nan")
        return float(to_host(_moved(time.outputs, self.there.at, name, v) * time.weights).sum()) / STEP


def _moved(outputs: Callable[[Values], Values], at: Values, name: str, v: np.ndarray) -> Array:
    """Returns the imaginary part of y where one tensor takes a complex step along v."""
    values = {key: value.astype(np.complex128) for key, value in at.items()}
    values[name] += array_module(values[name]).asarray(1j * STEP * v)
    return outputs(values)["y"].imag


def _later(there: Here, name: str, v: np.ndarray) -> np.ndarray:
    """Returns (T + 1,) the slopes of the loss along v where the parameter moves at step t and later ones alone."""
    still, moving = there.layer.astype(np.complex128), there.layer.astype(np.complex128)
    moving.params[name][...] += array_module(there.x).asarray(1j * STEP * v)
    found, state = np.zeros(len(there.x) + 1), there.state
    x = there.x if there.x.dtype.kind in "iu" else there.x.astype(np.complex128)
    for t in range(len(x)):
        y = moving.forward(x[t:], state, there.time.there[t:])[0]
        found[t] = float(to_host((y.imag * there.time.weights[t:]).sum())) / STEP
        state = still.forward(x[t : t + 1], state, there.time.there[t : t + 1])[1]
    return found


def _by_steps(later: np.ndarray, claimed: float) -> Iterator[str]:
    """later[t]: the slope by paths through step t and later ones."""
    steps, whole = len(later) - 1, later[0]
    for t in range(1, steps):
        if _same(claimed, later[t]):
            yield f"paths through step{' 0' if t == 1 else f's 0 to {t - 1}'} are missing"
        if _same(claimed, whole - later[t]):
            yield f"paths through step{f's {t} to' if t < steps - 1 else ''} {steps - 1} are missing"
    for t in range(1, steps - 1):
        if _same(claimed, whole - (later[t] - later[t + 1])):
            yield f"paths through step {t} are missing"


def _same(a: float, b: float) -> bool:
    return abs(a - b) <= SAME * max(abs(a), abs(b))
