"""From which loss to which use: norms over pairs of time steps, and over what crosses two carries."""

from __future__ import annotations

from typing import Any

import numpy as np

from npseq.backend import Array, array_module
from npseq.bptt.factors import Factors, contract, squared_norms, strand_factors
from npseq.bptt.loop import backward
from npseq.inspect.passes import Side, by_loss, check_names, named_factors, sides
from npseq.layers.features import in_order

BLOCK = 1 << 24  # numbers: losses are told apart as many at a time as fit


def pair_norms(layer: Any, dy: Array | None, tape: Any, dstate: Any = None, *, names: Any = None) -> Array:
    """(T, T): [t, s] is the norm of that part of the gradient which goes from the loss at step t to the uses at step s.

    The loss at step t is what dy[t] stands for; a last state's counts to the step that made it. Everything is summed
    over the batch and over the parameters `names` (None: all) before the norm is taken. The parts, not their norms, add
    up to the gradient. For one direction it is a triangle, s <= t. Raises TypeError or ValueError on a misfit.
    """
    names = check_names(layer, names)
    parts = sides(layer, tape, dy, dstate)
    xp = array_module(layer.params.flat)
    steps = parts[0].steps
    squares = xp.zeros((steps, steps), layer.dtype)
    for side in parts:
        width = _losses_at_once(side)
        for first in range(0, steps, width):
            last = min(first + width, steps)
            for f in named_factors(side, by_loss(side, first, last), names).values():
                squares[first:last] += squared_norms(f, "tk").T
    return xp.sqrt(squares)


def crossing_norms(layer: Any, dy: Array | None, tape: Any, dstate: Any = None, *, names: Any = None) -> Array:
    """(strands, T, T): [k, i, j], i <= j, is the norm of all parts of the gradient that cross the carries i and j.

    Carry i takes the adjoint from step i to step i - 1, in the strand's own order of time. So [i, j] sums what goes
    from losses at steps t >= j to uses at steps s < i. These numbers give the variance of a random truncation.
    One layer, in one or both directions; ValueError for a stack, where a path may cross a step once in every layer.
    """
    names = check_names(layer, names)
    parts = sides(layer, tape, dy, dstate)
    for side in parts:
        if side.layer.num_layers > 1:
            raise ValueError(
                f"crossing norms are for one layer, got num_layers={side.layer.num_layers}: in a stack a path may "
                "cross a step once in every layer, and no table over two steps tells them apart"
            )
    tables = [_crossing(side, d, names) for side in parts for d in range(side.layer.directions)]
    return array_module(layer.params.flat).stack(tables)


def _crossing(side: Side, d: int, names: tuple[str, ...] | None) -> Array:
    steps, width = side.steps, _losses_at_once(side)
    xp = array_module(side.dh)
    squares = xp.zeros((steps, steps), side.layer.dtype)
    for first in range(0, steps, width):
        last = min(first + width, steps)
        for name, f in _from_loss_on(side, d, first, last).items():
            if names is None or side.name(name, 0, d) in names:
                _add_crossings(f, squares[:, first:last])
    squares *= xp.arange(steps)[:, None] <= xp.arange(steps)
    return xp.sqrt(squares)


def _add_crossings(f: Factors, squares: Array) -> None:
    """squares (T, W) += the norms over all uses before step i, for i >= 1, of each of W ranges of losses."""
    total: Any = 0
    for s in range(len(squares) - 1):
        operand = None if f.operand is None else f.operand[..., s : s + 1, :]
        total = total + contract(f._replace(operand=operand, adjoint=f.adjoint[:, s : s + 1]), "k")
        squares[s + 1] += (total**2).reshape(len(total), -1).sum(axis=1)


def _from_loss_on(side: Side, d: int, first: int, last: int) -> dict[str, Factors]:
    """Factors with an axis j from first to last: of all losses at own steps t >= j."""
    layer, strand = side.layer, side.tape.strands[0][d]
    P, steps, xp = layer.state_size, side.steps, array_module(side.dh)
    start = xp.arange(first, last)[:, None]
    dy = None
    if side.dy is not None:
        dy = in_order(side.dy, d).swapaxes(1, 2)[:, d * P : (d + 1) * P]
        dy = dy if strand.mask is None else np.where(strand.mask, dy, 0)
        dy = dy[:, :, None] * (xp.arange(steps)[:, None, None, None] >= start)
    lasts = xp.full(side.batch, steps - 1)
    if strand.mask is not None and not d:
        lasts = strand.mask[:, 0].sum(axis=0) - 1
    reached = lasts >= start
    dc = None if side.dc is None else side.dc[d].T[:, None] * reached
    w = layer.weights(0, d)
    found = backward(layer.cell, w, strand, dy, side.dh[d].T[:, None] * reached, dc)
    return strand_factors(layer.cell, w, strand, found)


def _losses_at_once(side: Side) -> int:
    layer = side.layer
    rows = (len(layer.cell.gates) + 1) * layer.hidden_size * layer.num_layers * layer.directions + side.batch
    return max(1, BLOCK // max(rows * side.steps * side.batch, 1))
