"""Backward in parallel: what a step passes back is a linear function of what it receives, whatever the cell.

    (P3)  r_t = J_t^T (u_t + r_{t+1}),  u_t the adjoint of the state after step t that comes from above

So the r_t are the states of an affine recurrence, backwards in time, and one scan has all of them. With u_t + r_{t+1}
known, the gradients of all steps are independent of each other.
"""

from functools import partial
from typing import Any

import numpy as np

from npseq.arguments import instance
from npseq.backend import Array, MaybeArray, array_module
from npseq.bptt import loop
from npseq.bptt.workspace import MAX_BYTES, check_max_bytes
from npseq.layers.batch import check_array, check_tape
from npseq.layers.features import by_direction
from npseq.layers.recurrent import Recurrent
from npseq.layers.segments import SegmentsTape, backward_segments
from npseq.layers.states import map_state
from npseq.layers.upstream import PerLayer, check_dc
from npseq.parameters import Parameters
from npseq.protocols import LayerLike
from npseq.scan.associative import solve
from npseq.scan.jacobians import Steps, jacobians
from npseq.scan.steps import StepsTape, steps_of


def backward(
    layer: Recurrent,
    dy: Array | None,
    tape: Any,
    dstate: Any = None,
    *,
    dc: Any = None,
    max_bytes: int | None = MAX_BYTES,
) -> tuple[MaybeArray, Any, Parameters]:
    """Returns what layer.backward(dy, tape, dstate, dc=dc) returns, by an associative scan over time.

    Given the tape of a Newton iteration that was stopped early, it is the gradient of the loop that is pushed at each
    step to the states on that tape, by what does not depend on anything (docs/derivations/scan.md).

    Args:
        layer: any recurrent layer but Bidirectional and Reversed, which have layers of their own to give.
        dy: (T, B, R*P), the loss's derivative by y; None is zeros.
        tape: what layer.forward returned, or the tape of ns.scan.forward.
        dstate: the loss's derivative by the last state; None is zeros.
        dc: the loss's derivative by what the state has beside h at each step, as layer.backward takes it.
        max_bytes: the memory allowed for Jacobians; None is no limit.

    Returns:
        dx (T, B, D), None for ids; dstate as the state; grads, named and shaped as params.

    Raises:
        TypeError, ValueError: before anything is computed, if an argument does not fit.
        MemoryError: before it takes more than max_bytes.

    Example:
        >>> layer, x = ns.LSTM(2, 3, dtype=np.float64, rng=0), np.ones((9, 1, 2))
        >>> y, _, tape = layer.forward(x)
        >>> np.allclose(ns.scan.backward(layer, y, tape)[0], layer.backward(y, tape)[0], rtol=0, atol=1e-15)
        True
    """
    check_layer(layer)
    if max_bytes is not None:
        check_max_bytes(max_bytes)
    if isinstance(tape, SegmentsTape):
        return backward_segments(layer, partial(backward, layer, max_bytes=max_bytes), dy, tape, dstate, dc)
    own = tape if isinstance(tape, StepsTape) else None
    check_tape(tape if own is None else own.tape, layer)
    if own is None and not tape.strands[0][0].steps:
        return layer.backward(dy, tape, dstate, dc=dc)
    own = steps_of(tape) if own is None else own
    xp, batch = array_module(layer.params.flat), own.batch
    if dy is not None:
        dy = check_array("dy", dy, (own.steps, batch, layer.output_size), layer.dtype, xp)
        dy = dy.reshape(1, own.steps * batch, layer.output_size)
    last, dcs = layer.checked_state("dstate", dstate, batch), check_dc(dc, layer, own.steps, batch)
    if dcs is not None:
        dcs = [None if part is None else part.reshape(1, own.steps * batch, part.shape[2]) for part in dcs]
    rows = _rows(layer, dy, dcs, own, last, max_bytes)
    dx, dfirst, grads = layer.gradients(rows, own.tape)
    return (
        None if dx is None else dx.reshape(own.steps, batch, layer.input_size),
        map_state(lambda part: _at_first_steps(part, own, layer.directions), dfirst),
        grads,
    )


def check_layer(layer: LayerLike) -> None:
    """Raises TypeError for what is no stack of one cell."""
    instance("layer", layer, Recurrent, "an RNN, GRU, LSTM or Recurrent; of a Bidirectional, give each of its layers")


def _rows(
    layer: Recurrent,
    dy: MaybeArray,
    dcs: PerLayer | None,
    own: StepsTape,
    dlast: tuple[Any, ...],
    max_bytes: int | None,
) -> Any:
    """The adjoints of all steps, rows[layer][direction], from the last layer down to the first."""
    features, parts = _by_direction(layer, dy, own), [_by_direction(layer, dc, own) for dc in dcs or ()]
    rows: list[tuple[loop.Adjoints, ...]] = []
    for l in reversed(range(layer.num_layers)):
        row = []
        for d, strand in enumerate(own.tape.strands[l]):
            steps, k = Steps(layer.cell, layer.weights(l, d), strand, own.steps, d), l * layer.directions + d
            last = [part[k].T for part in dlast if part is not None]
            of_h, of_c = (None if part is None else part[d][0] for part in (features, parts[l] if parts else None))
            row.append(strand_adjoints(steps, of_h, of_c, last, max_bytes))
        rows.insert(0, tuple(row))
        features = layer.input_adjoints(l, rows[0], own.tape) if l else None
    return rows


def _by_direction(layer: Recurrent, given: MaybeArray, own: StepsTape) -> list[Array] | None:
    """(1, ., T*B) a direction, zero past each length."""
    return None if given is None else by_direction(given, own.tape, layer.directions, None, None)


def strand_adjoints(
    steps: Steps, dy: MaybeArray, dc: MaybeArray, last: list[Array], max_bytes: int | None
) -> loop.Adjoints:
    """Those of one strand. dy (P, T*B), dc (C, T*B) or None; last: adjoints of the last state's parts, (., B) each."""
    above = np.zeros_like(steps.strand.s, shape=(steps.n, steps.strand.s.shape[2]))
    if dy is not None:
        above[: len(dy)] = dy
    if dc is not None:
        above[steps.w.state :] = dc
    final = 0 if steps.d else steps.steps - 1  # the column of the strand's last step
    batch = last[0].shape[1]
    above[:, final * batch : (final + 1) * batch] += array_module(above).concatenate(last)
    J, first = jacobians(steps, max_bytes)
    m = J.shape[-1]
    back = J.swapaxes(-1, -2)[::-1]
    r = solve(back, steps.blocks(steps.before(above)[first:], m)[::-1])[::-1]  # (P3)
    later = np.zeros_like(r)
    later[:-1] = r[1:]
    above[first:] += steps.rows(later)
    return steps.adjoints(above)


def _at_first_steps(part: Array, own: StepsTape, directions: int) -> Array:
    """Of the adjoints (L*R, T*B, .) of the states before each step those before a strand's own first step."""
    by_step = part.reshape(len(part), own.steps, own.batch, part.shape[2])
    found = [by_step[k, -1 if k % directions else 0] for k in range(len(part))]
    first: Array = array_module(part).stack(found)
    return first
