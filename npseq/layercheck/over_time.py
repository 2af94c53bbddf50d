"""Every step in time is judged on its own scale, so that a gradient that has vanished hides no mistake.

Where the loss is at one step s alone, the gradient at step t has passed s - t steps back and shrinks with each of them.
A backward that is cut after 50 steps leaves out 1e-14 of the whole gradient, and all of dx at the steps before. So
there is a loss at the first, the second, the middle and the last step of each sequence alone, and

- dx is judged for each step and sequence, the initial states for each sequence, each relative to its own entries;
- each parameter is judged for each of these losses: that of the first step has a path through the first step alone.

The derivative is a complex step along a random direction, which moves one step of x, one state or one parameter, and
gives the slopes of all losses at once. Nothing is subtracted, so its relative error is that of rounding at any scale
that float64 has: with a step of 2^-66 a gradient of 2^-930, 1e-280, still has its digits.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, array_module, to_host
from npseq.gradcheck import Report, TensorReport
from npseq.gradcheck.function import root_mean_square
from npseq.gradcheck.places import Labels, places
from npseq.gradcheck.verdict import RESOLUTION
from npseq.layers.lengths import packed_order

Values = dict[str, Array]
STEP = 2.0**-66
RTOL = 1e-9  # a product of many Jacobians loses more digits than a sum: of 300 steps, weights of 5, up to 1e-11
VANISHED = 2.0**-930  # a slope below this has no digits left
LOST = "outputs near 1 of a sigmoid or tanh have lost its digits"


class InTime(NamedTuple):
    """Holds what a layer over time computes: outputs of {name: value}, and gradients of y's upstream gradient alone."""

    outputs: Callable[[Values], Values]
    gradient: Callable[[Array], Values]  # of dy (T, B, H)
    rounding: Callable[[Array], Values]  # of dy: what rounding may have cost each entry of that gradient
    weights: Array  # (T, B, H), the upstream gradient of all steps
    there: np.ndarray  # (T, B) bool: which steps each sequence has


class Measured(NamedTuple):
    """Holds the steps (B,) of each loss, a direction of each tensor, and the slopes of each loss along it.

    None in place of steps is the loss at all of them.
    """

    losses: list[np.ndarray | None]
    directions: dict[str, np.ndarray]
    slopes: dict[str, list[np.ndarray]]


class Judged(NamedTuple):
    """Holds the deviation of each slice (T, B), (B,) or () of one tensor by one loss, relative to its entries."""

    steps: Any  # (B,) of the loss, None for all
    error: np.ndarray
    wrong: np.ndarray
    hidden: np.ndarray  # by what rounding has cost
    size: np.ndarray


def by_step(time: InTime, at: Values, report: Report, rng: np.random.Generator) -> Report:
    """Returns the report, in which a tensor has failed that is wrong at a step. Every tensor in it has passed."""
    found = judged(time, measured(time, at, rng))
    rows = tuple(_row(row, found[row.name]) for row in report.tensors)
    calls = sum(len(at["x"]) if name == "x" else 1 for name in at)
    return replace(report, tensors=rows, evaluations=report.evaluations + calls)


def measured(
    time: InTime, at: Values, rng: np.random.Generator, names: Collection[str] | None = None, losses: Any = None
) -> Measured:
    """Returns what the outputs alone say, of all tensors or of some, and of the usual losses or of others."""
    directions = {name: _direction(at[name], rng) for name in at if names is None or name in names}
    losses = steps_of_losses(time.there) if losses is None else losses
    return Measured(losses, directions, {name: _slopes(time, at, name, v, losses) for name, v in directions.items()})


def judged(time: InTime, known: Measured) -> dict[str, list[Judged]]:
    """Returns what the gradient of each loss is beside that, for each tensor."""
    found: dict[str, list[Judged]] = {name: [] for name in known.directions}
    for k, steps in enumerate(known.losses):
        dy = _alone(time.weights, steps)
        gradient, lost = time.gradient(dy), None
        for name, v in known.directions.items():
            terms, slope = to_host(gradient[name]) * v, known.slopes[name][k]
            here = _judged(steps, name, terms, slope, 0.0)
            if here.wrong.any():
                lost = time.rounding(dy) if lost is None else lost
                here = _judged(steps, name, terms, slope, np.abs(to_host(lost[name]) * v))
            found[name].append(here)
    return found


def steps_of_losses(there: np.ndarray) -> list[np.ndarray]:
    """Lists the steps (B,) at which a loss is alone: each sequence's first, second, middle and last."""
    last, order, each = np.maximum(there.sum(axis=0) - 1, 0), packed_order(there), np.arange(there.shape[1])
    chosen = (order[np.minimum(step, last), each] for step in (0 * last, 1 + 0 * last, last // 2, last))
    return [np.array(steps) for steps in {tuple(step.tolist()): None for step in chosen}]


def _alone(weights: Array, steps: Any) -> Array:
    """Returns the upstream gradient that is zero but at one step of each sequence, or at none where that is None."""
    if steps is None:
        return weights
    here = np.arange(len(weights))[:, None] == steps
    found: Array = weights * array_module(weights).asarray(here[:, :, None], dtype=weights.dtype)
    return found


def _direction(value: Array, rng: np.random.Generator) -> np.ndarray:
    """Draws how far each entry moves, about the typical size of the tensor, and no entry by less than half of it."""
    typical = root_mean_square(to_host(value).reshape(-1)) or 1.0
    found: np.ndarray = typical * rng.uniform(0.5, 1.5, value.shape) * rng.choice([-1.0, 1.0], value.shape)
    return found


def _slopes(time: InTime, at: Values, name: str, v: np.ndarray, losses: list[Any]) -> list[np.ndarray]:
    """Lists the slopes of each loss along v: (T, B) for x, of one step each, and (B,) for any other tensor."""
    steps = range(len(v)) if name == "x" else [slice(None)]
    found = np.array([_slope(time, at, name, v, step, losses) for step in steps])
    return list(found.swapaxes(0, 1) if name == "x" else found[0])


def _slope(time: InTime, at: Values, name: str, v: np.ndarray, moving: Any, losses: list[Any]) -> np.ndarray:
    """Returns the slopes (losses, B) along the part of v that moves."""
    values = {key: value.astype(np.complex128) for key, value in at.items()}
    values[name][moving] += array_module(values[name]).asarray(1j * STEP * v[moving])
    terms = to_host(time.outputs(values)["y"].imag * time.weights) / STEP
    each = np.arange(terms.shape[1])
    return np.array([terms.sum(axis=(0, 2)) if steps is None else terms[steps, each].sum(axis=-1) for steps in losses])


def _judged(steps: Any, name: str, terms: np.ndarray, slope: np.ndarray, lost: Any) -> Judged:
    """Compares the sum of `terms`, gradient times direction, of each slice with the numeric slope."""
    lost = np.broadcast_to(lost, terms.shape)
    if name == "x":
        over: tuple[int, ...] = (2,)
    elif is_state(name):
        over = (0, 2)
    else:
        over, slope = tuple(range(terms.ndim)), slope.sum()
    off = np.abs(terms.sum(axis=over) - slope)
    size = np.maximum(np.abs(terms).sum(axis=over), np.abs(slope))
    cost = lost.sum(axis=over)
    error = np.where(off <= VANISHED, 0.0, off / np.where(size > 0, size, 1.0))
    wrong = ~(off <= RTOL * size + cost + VANISHED)
    return Judged(steps, error, wrong, cost > RESOLUTION * size + VANISHED, size)


def _row(row: TensorReport, found: list[Judged]) -> TensorReport:
    """Returns the row of a tensor as all losses find it, that of the first which shows a mistake if there is one."""
    for here in found[::-1]:
        if here.wrong.any():
            error = np.where(here.wrong, here.error, 0.0)
            errors = np.array(row.errors)
            if row.name == "x":
                errors = np.maximum(errors, error[:, :, None])
            where = _where(row, here.wrong)
            note = _note(row.name, here, where)
            return replace(row, status="fail", error=float(np.max(error)), errors=errors, note=note, where=where)
    hidden = [here for here in found if here.hidden.any()]
    if hidden:
        return replace(row, status="inconclusive", note=f"{loss_of(hidden[-1])}, {LOST}")
    return row


def _where(row: TensorReport, wrong: np.ndarray) -> str:
    """Says which slices are wrong: steps and sequences of x, sequences of a state."""
    if wrong.all() or not wrong.ndim:
        return ""
    return places(wrong, Labels(("step", "sequence")[-wrong.ndim :]))


def _note(name: str, here: Judged, where: str) -> str:
    """Says by which loss the tensor is wrong, and at which steps, though what is wrong is small beside the rest."""
    if name != "x":
        return f"wrong {loss_of(here)}{where and f': at {where}'}"
    part = float(np.max(here.size[here.wrong]) / np.max(here.size))
    return f"wrong {loss_of(here)}: at {where or 'every step'}, where it is {part:.1e} of the largest"


def _listed(steps: np.ndarray) -> str:
    return f"steps {', '.join(map(str, steps.tolist()))}"


def loss_of(here: Judged) -> str:
    if here.steps is None:
        return "where the loss is at all steps"
    steps = np.unique(here.steps)
    where = f"step {steps[0]}" if len(steps) == 1 else _listed(here.steps)
    return f"where the loss is at {where} alone"


def is_state(name: str) -> bool:
    return name.split(".")[-1] in ("h0", "c0")
