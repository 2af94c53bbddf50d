"""Backward passes for looking: adjoints with an axis of lags, or of losses, for any recurrent layer.

A side is a Recurrent layer with what its backward is given, in its own order of input. A Bidirectional has two, and the
second reads every sequence from its own end; all other layers have one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, array_module
from npseq.bptt.factors import Factors, strand_factors
from npseq.bptt.layout import suffix
from npseq.bptt.loop import Edge, Record
from npseq.bptt.tape import Strand, Tape
from npseq.bptt.truncation import shifted
from npseq.layers.adjoints import Rows, adjoints_of
from npseq.layers.batch import check_array, check_tape
from npseq.layers.bidirectional import Bidirectional, state_pair
from npseq.layers.features import at_lag_zero
from npseq.layers.recurrent import Recurrent
from npseq.layers.reversed import Reversed, reordered

Place = Callable[[Array, Array], Array]  # (adjoint (..., B), its natural time step (B,) or (T, B)) -> (..., K, B)


class Side(NamedTuple):
    prefix: str  # of the names of its parameters
    layer: Recurrent
    tape: Tape
    dy: Array | None  # (T, B, R*P)
    dh: Array  # (L*R, B, P)
    dc: Array | None  # (L*R, B, H)
    turned: Array | None  # (T, B): the natural time of each of its input steps, where it differs

    @property
    def steps(self) -> int:
        return self.tape.strands[0][0].steps

    @property
    def batch(self) -> int:
        return self.tape.strands[0][0].s.shape[2]

    def name(self, name: str, layer: int, d: int) -> str:
        return f"{self.prefix}{name}{suffix(layer, d == 1)}"


def sides(layer: Any, tape: Any, dy: Array | None = None, dstate: Any = None) -> tuple[Side, ...]:
    """The layer's sides. Raises TypeError or ValueError where an argument does not fit."""
    if isinstance(layer, Recurrent):
        return (_side("", layer, tape, dy, dstate, None),)
    if isinstance(layer, Reversed):
        return (_reversed_side("", layer, tape, dy, dstate),)
    if not isinstance(layer, Bidirectional):
        raise TypeError(f"layer must be an RNN, GRU, LSTM or Bidirectional layer, got {type(layer).__name__}")
    forward, backward = layer.layers["forward"], layer.layers["backward"]
    dy_f = dy_b = None
    if dy is not None:
        shape = (*tape.backward.order.shape, layer.output_size)
        check_array("dy", dy, shape, layer.dtype, array_module(layer.params.flat))
        dy_f, dy_b = dy[..., : forward.output_size], dy[..., forward.output_size :]
    dstate_f, dstate_b = state_pair("dstate", dstate)
    return (
        _side("forward.", forward, tape.forward, dy_f, dstate_f, None),
        _reversed_side("backward.", backward, tape.backward, dy_b, dstate_b),
    )


def _reversed_side(prefix: str, layer: Reversed, tape: Any, dy: Array | None, dstate: Any) -> Side:
    dy = None if dy is None else reordered(dy, tape.order)
    return _side(prefix, layer.layer, tape.inner, dy, dstate, tape.order)


def _side(prefix: str, layer: Recurrent, tape: Any, dy: Array | None, dstate: Any, turned: Array | None) -> Side:
    xp = array_module(layer.params.flat)
    steps, batch = check_tape(tape, layer.signature)
    if dy is not None:
        check_array("dy", dy, (steps, batch, layer.output_size), layer.dtype, xp)
    return Side(prefix, layer, tape, dy, *layer.checked_state("dstate", dstate, batch), turned)


def plain(side: Side, record: Callable[[int], Record] | None = None) -> Rows:
    """Adjoints as backward finds them."""
    return _run(side, lambda array, step: array, None, record)


def by_lag(side: Side, lags: int, record: Callable[[int], Record] | None = None) -> Rows:
    """Adjoints with an axis of lags 0 to lags - 1; longer paths are dropped."""
    return _run(
        side,
        lambda array, step: at_lag_zero(array, lags),
        lambda dh, dc, t: (shifted(dh), None if dc is None else shifted(dc)),
        record,
    )


def by_loss(side: Side, first: int, last: int) -> Rows:
    """Adjoints with an axis of the losses at the time steps from first to last; others are left out.

    The loss's dependence on a last state counts to the step that made it: a sequence's last, or first in reverse.
    """
    window = array_module(side.dh).arange(first, last)[:, None]
    return _run(side, lambda array, step: array[..., None, :] * (step[..., None, None, :] == window), None)


def _run(side: Side, place: Place, edge: Edge | None, record: Callable[[int], Record] | None = None) -> Rows:
    layer, size = side.layer, side.layer.state_size
    xp = array_module(side.dh)
    step = xp.broadcast_to(xp.arange(side.steps)[:, None], (side.steps, side.batch))
    step = step if side.turned is None else side.turned
    dfeatures = None
    if side.dy is not None:
        mask = side.tape.strands[-1][0].mask
        dy = side.dy.swapaxes(1, 2) if mask is None else np.where(mask, side.dy.swapaxes(1, 2), 0)
        dfeatures = [place(dy[:, d * size : (d + 1) * size], step) for d in range(layer.directions)]
    made = [_made_last(side, step, d) for d in range(layer.directions)] * layer.num_layers
    dh = [place(array.T, at) for array, at in zip(side.dh, made, strict=True)]
    dc = [None] * len(dh) if side.dc is None else [place(a.T, at) for a, at in zip(side.dc, made, strict=True)]
    return adjoints_of(layer, side.tape, dfeatures, dh, dc, None if edge is None else lambda k: edge, record)


def _made_last(side: Side, step: Array, d: int) -> Array:
    """(B,): the natural time of the step that made each sequence's last state."""
    xp = array_module(step)
    if not side.steps:
        return xp.zeros(side.batch, dtype=int)
    mask = side.tape.strands[0][0].mask
    if d:
        return step[0]
    last = xp.full(side.batch, side.steps - 1) if mask is None else xp.maximum(mask[:, 0].sum(axis=0) - 1, 0)
    return step[last, xp.arange(side.batch)]


def strands(side: Side) -> list[tuple[int, int, Strand]]:
    """(layer, direction, strand) of every strand."""
    return [(l, d, strand) for l, row in enumerate(side.tape.strands) for d, strand in enumerate(row)]


def named_factors(side: Side, rows: Rows, names: tuple[str, ...] | None) -> dict[str, Factors]:
    """The factors of every parameter, or of those named, in natural time."""
    found = {}
    for l, d, strand in strands(side):
        w = side.layer.weights(l, d)
        for name, f in strand_factors(side.layer.cell, w, strand, rows[l][d]).items():
            full = side.name(name, l, d)
            if names is None or full in names:
                operand = f.operand
                if operand is not None:
                    operand = in_natural_time(side, d, operand, axis=operand.ndim - 2)
                found[full] = f._replace(operand=operand, adjoint=in_natural_time(side, d, f.adjoint, axis=1))
    return found


def in_natural_time(side: Side, d: int, array: Array, axis: int) -> Array:
    """A strand's array (..., T, [K,] B), time at `axis`, with time as the user's x has it."""
    if d:
        array = np.flip(array, axis)
    if side.turned is None:
        return array
    shape = [1] * array.ndim
    shape[axis], shape[-1] = side.turned.shape
    return np.take_along_axis(array, side.turned.reshape(shape), axis=axis)


def check_names(layer: Any, names: Any) -> tuple[str, ...] | None:
    """names as a tuple; ValueError where one is no parameter of the layer's."""
    if names is None:
        return None
    names = (names,) if isinstance(names, str) else tuple(names)
    unknown = [name for name in names if name not in layer.params]
    if unknown or not names:
        raise ValueError(f"names must be of {', '.join(layer.params)}, got {unknown or 'none'}")
    return names
