"""Backpropagation in less memory saves a few states and runs the steps between them again.

Over n units of time with m states saved at a time, the fewest units run forward are

    C(n, 1) = n (n + 1) / 2,   C(n, m) = 2 n - 1 for m >= n,   C(n, m) = min_y [ y + C(n - y, m - 1) + C(y, m) ]

(Griewank & Walther 2000; for recurrent networks Gruslys et al. 2016, arXiv 1606.03401). A unit is `stride` steps, and
one unit's tape is held at a time. With one state a unit and stride = sqrt(T) it is Chen et al. 2016 (arXiv 1604.06174).
"""

from collections.abc import Callable
from math import comb, isqrt
from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import function, instance, integer
from npseq.backend import Array, array_module
from npseq.bptt.blocks import blocks_of
from npseq.bptt.loop import Adjoints
from npseq.bptt.workspace import Workspace, check_max_bytes, readable
from npseq.layers.jacobian import check_one_way, check_sequence, state_features
from npseq.layers.lengths import cut
from npseq.layers.recurrent import Recurrent
from npseq.layers.upstream import check_clip, check_dc
from npseq.parameters import Parameters
from npseq.shown import by_fields

LossGradient = Callable[[int, Array], Array]  # (first step, y of some steps (t, B, P)) -> dL/dy of those steps
Visit = Callable[[int, list[tuple[Adjoints, ...]]], None]  # is shown each unit's first step and adjoints, from the end


@by_fields
class Checkpointed(NamedTuple):
    """The result of `checkpointed`; the first three fields are those of backward."""

    dx: Array | None
    dstate: Any
    grads: Parameters
    steps_run: int  # forward steps in all


class Schedule(NamedTuple):
    """How the steps are cut: units of `stride` steps, and how many states are saved at a time."""

    stride: int
    slots: int


def forward_units(units: int, slots: int) -> int:
    """C(n, m) = n + r n - binomial(m + r, m + 1), r the least with binomial(m + r, m) >= n."""
    slots = min(slots, units)
    if units <= 1:
        return units
    r = 0
    while comb(slots + r, slots) < units:
        r += 1
    return units + r * units - comb(slots + r, slots + 1)


def best_split(units: int, slots: int) -> int:
    """The y of C(n, m): how far to run before the next state is saved, the first of those equally good. n, m > 1."""
    return min(range(1, units), key=lambda y: y + forward_units(units - y, slots - 1) + forward_units(y, slots))


def plan(layer: Recurrent, steps: int, batch: int, max_bytes: int | None = None) -> Schedule:
    """The schedule for T steps: sqrt(T) without a budget, else the one that runs the fewest steps within max_bytes.

    Counted are the states saved and one unit's tape and adjoints; x, y and dx are the user's.
    Raises MemoryError where not even one step at a time fits.
    """
    if max_bytes is None:
        stride = max(1, isqrt(max(steps - 1, 0)) + 1)
        return Schedule(stride, max(1, -(-steps // stride)))
    state, step = (rows * batch * layer.dtype.itemsize for rows in (state_features(layer), _rows_a_step(layer)))
    found = []
    for stride in sorted({max(1, round(steps / 1.2**k)) for k in range(200)}):
        units, slots = max(1, -(-steps // stride)), (max_bytes - stride * step) // state
        if slots >= 1:
            found.append((forward_units(units, slots) * stride, stride, min(slots, units)))
    if not found:
        raise MemoryError(
            f"one step and one state need {readable(step + state)}, more than max_bytes allows "
            f"({readable(max_bytes)}); give fewer sequences at a time, or raise max_bytes"
        )
    return Schedule(*min(found)[1:])


def _rows_a_step(layer: Recurrent) -> int:
    """Numbers a step and sequence takes: tape (x, h, c, gates, v, m), adjoints (gates, v, dx), and side by side."""
    H, P, blocks = layer.hidden_size, layer.state_size, blocks_of(layer.cell)
    G = len(layer.cell.gates) + len(blocks.saved) + blocks.vectors
    inputs = layer.input_size + (layer.num_layers - 1) * P
    return layer.num_layers * (3 * G * H + 2 * (H + layer.c_size) + 3 * P + 1) + 3 * inputs


def checkpointed(
    layer: Recurrent,
    x: Array,
    dy: Array | LossGradient | None,
    state: Any = None,
    lengths: Array | None = None,
    dstate: Any = None,
    *,
    dc: Any = None,
    clip_adjoint: float | None = None,
    max_bytes: int | None = None,
    schedule: Schedule | None = None,
    visit: Visit | None = None,
) -> Checkpointed:
    """Runs forward and backward over all steps, exactly, and holds the tape of only a few steps at a time.

    The adjoints are backward's, bit for bit; sums over time are added up unit by unit, so they agree to rounding.

    Args:
        layer: RNN, GRU or LSTM of one direction, any depth; dropout does not act.
        x: as forward takes it.
        dy: (T, B, P), or a function of (first step, y of a unit) that returns dL/dy of these steps, so that no y is
            saved either; it is called once a unit, from the last to the first.
        state: the initial state.
        lengths: as forward takes them.
        dstate: the loss's derivative by the last state.
        dc, clip_adjoint: as backward takes them.
        max_bytes: the budget; None is about sqrt(T) steps and sqrt(T) states, every step run at most three times.
        schedule: taken instead of a plan within the budget.
        visit: visit(first step, adjoints) is called once a unit, from the last to the first.

    Raises:
        TypeError, ValueError: before anything is computed, for two directions or an argument that does not fit.
        MemoryError: if the budget does not hold one step.

    Example:
        >>> layer, x = ns.GRU(3, 4, rng=0), np.ones((100, 2, 3), np.float32)
        >>> ns.checkpointed(layer, x, lambda first, y: np.ones_like(y), max_bytes=20_000).dx.shape
        (100, 2, 3)
    """
    schedule = _checked(layer, schedule)
    steps, batch, lengths = check_sequence(layer, x, dy, state, lengths, dstate)
    dcs, limit = check_dc(dc, layer, steps, batch), check_clip(clip_adjoint)
    visit = None if visit is None else function("visit", visit)
    max_bytes = None if max_bytes is None else check_max_bytes(max_bytes)
    schedule = plan(layer, steps, batch, max_bytes) if schedule is None else schedule
    run = _Run(layer, x, lengths, schedule.stride)
    grads = Parameters(layer.params.layout, np.zeros_like(layer.params.flat))
    part, workspace = Parameters(layer.params.layout, np.zeros_like(layer.params.flat)), Workspace(kept=0)
    parts = []
    for unit, before in _reversed_units(run, state, -(-steps // schedule.stride), schedule.slots):
        first = unit * schedule.stride
        y, _, tape = run.unit(unit, before)
        given = dy(first, y.copy()) if callable(dy) else None if dy is None else dy[first : first + len(y)]
        own = None if dcs is None else [None if part is None else part[first : first + len(y)] for part in dcs]
        rows = layer.adjoints(given, tape, dstate, dc=own, clip_adjoint=limit, workspace=workspace)
        dx, dstate, _ = layer.gradients(rows, tape, grads=part, workspace=workspace)
        grads.flat += part.flat
        parts.append(dx)
        if visit is not None:
            visit(first, [(Adjoints._make(None if a is None else a.copy() for a in row[0]),) for row in rows])
    if not parts:
        dx, dstate, grads = layer.backward(None, layer.forward(x, state, lengths)[2], dstate)
        return Checkpointed(dx, dstate, grads, 0)
    dx = None if parts[0] is None else array_module(parts[0]).concatenate(parts[::-1])
    return Checkpointed(dx, dstate, grads, run.steps)


def _checked(layer: Any, schedule: Schedule | None) -> Schedule | None:
    check_one_way(layer, "checkpointing")
    if schedule is None:
        return None
    instance("schedule", schedule, Schedule, "a Schedule(stride, slots) of npseq.layers.checkpointing")
    return Schedule(integer("schedule.stride", schedule.stride), integer("schedule.slots", schedule.slots))


class _Run:
    """Runs units forward, over and over in the same tape, and counts their steps."""

    def __init__(self, layer: Recurrent, x: Array, lengths: np.ndarray | None, stride: int):
        self.layer, self.x, self.stride, self.steps = layer, x, stride, 0
        self.lengths = lengths
        self.tape: Any = None

    def unit(self, unit: int, state: Any) -> tuple[Array, Any, Any]:
        first = unit * self.stride
        x = self.x[first : first + self.stride]
        lengths = cut(self.lengths, first, len(x))
        self.steps += len(x)
        y, state, tape = self.layer.forward(x, state, lengths, tape=self.tape)
        self.tape = tape if tape.views else tape._replace(views=Workspace(kept=0))
        return y, state, self.tape

    def state_at(self, unit: int, end: int, state: Any) -> Any:
        """The state before unit `end`, from that before `unit`."""
        for k in range(unit, end):
            state = self.unit(k, state)[1]
        return state


def _reversed_units(run: _Run, state: Any, units: int, slots: int) -> Any:
    """(unit, the state before it), from the last unit to the first."""
    saved = [(0, state)]
    for end in range(units, 0, -1):
        if saved[-1][0] >= end:
            saved.pop()
        while end - saved[-1][0] > 1 and len(saved) < slots:
            first, before = saved[-1]
            middle = first + best_split(end - first, slots - len(saved) + 1)
            saved.append((middle, run.state_at(first, middle, before)))
        first, before = saved[-1]
        yield end - 1, run.state_at(first, end - 1, before)
