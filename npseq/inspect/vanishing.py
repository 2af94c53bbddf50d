"""A penalty on gradients that vanish or explode from step to step, and its derivative by the parameters.

Pascanu, Mikolov & Bengio 2013 (arXiv 1211.5063), equations 9 and 10: (T26) to (T30) of docs/derivations/time.md.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, array_module
from npseq.bptt.tape import Tape
from npseq.inspect.curvature import STEP
from npseq.inspect.passes import Side, sides
from npseq.layers.adjoints import adjoints_of
from npseq.layers.jacobian import at_step, check_one_way
from npseq.layers.states import stack_state
from npseq.parameters import Parameters

Pieces = list[Array]  # the stack's state: h (P, B) of every layer, then an LSTM's c (H, B) of every layer


class VanishingPenalty(NamedTuple):
    """What vanishing_penalty returns."""

    value: float  # Omega, summed over steps and sequences
    ratios: Array  # (T, B): norm of the adjoint one step earlier, over the adjoint's own; NaN where there is no term
    grads: Parameters  # its immediate derivative, named and shaped as layer.params


def vanishing_penalty(layer: Any, dy: Array | None, tape: Any, dstate: Any = None) -> VanishingPenalty:
    """Omega, which is zero where every step back keeps the gradient's norm, and its immediate derivative.

        p_t = delta_t J_t,   Omega = sum_{t>1} (|p_t| / |delta_t| - 1)^2

    with delta_t = dL/ds_t, J_t = ds_t/ds_{t-1} and s the state of the whole stack, an LSTM's c in it. Each sequence has
    norms of its own. The first step has no term, since what it passes on reaches the given state alone; nor has a step
    past a length, or one whose delta_t is zero.

    grads is what the paper takes, its equation 10: the derivative with delta_t and s_{t-1} held fixed, so that the
    parameters act in step t alone. It is not the whole derivative of Omega, which would follow both through time. With
    the state before the activation, as the paper has it, it would be that of the recurrent weights only.
    It is exact, for every cell: with v_t = dOmega/dp_t, a step from s_{t-1} + i h v_t through forward and backward.

    layer: RNN, GRU or LSTM of one direction, any depth. dy, tape, dstate: as backward takes them.
    Raises ValueError for two directions, or a tape on which dropout acted; TypeError where an argument does not fit.
    """
    check_one_way(layer, "vanishing_penalty")
    (side,) = sides(layer, tape, dy, dstate)
    _require_plain(layer, tape)
    xp, steps = array_module(layer.params.flat), side.steps
    twin, total = layer.astype(np.complex128), 0 * layer.params.flat.astype(np.float64)
    ratios = xp.full((steps, side.batch), np.nan, layer.dtype)
    value: Any = xp.zeros((), layer.dtype)
    delta = _last(side)
    for t in reversed(range(1, steps)):
        delta = _with_loss(side, delta, t)
        one = at_step(tape, t)
        unit, size = _unit(delta)
        passed = _step_back(layer, one, unit)
        ratios[t], term, along = _term(passed, one, size > 0)
        value = value + term.sum()
        total = total + _immediate(twin, one, along, unit)
        delta = [size * piece for piece in passed]
    grads = Parameters(layer.params.layout, total.astype(layer.dtype))
    return VanishingPenalty(float(value), ratios, grads)


def _require_plain(layer: Any, tape: Tape) -> None:
    if layer.dtype.kind != "f":
        raise TypeError(f"layer must be real, got {layer.dtype}; use layer.astype(numpy.float64)")
    if any(kept is not None for kept in tape.dropout):
        raise ValueError("tape must be of a forward without dropout, got one on which it acted; give training=False")


def _last(side: Side) -> Pieces:
    """What arrives at the last state from the loss's own use of it."""
    parts = (side.dh,) if side.dc is None else (side.dh, side.dc)
    return [row.T for part in parts for row in part]


def _with_loss(side: Side, delta: Pieces, t: int) -> Pieces:
    """delta with what the loss at step t adds: it reads the last layer's h alone."""
    if side.dy is None:
        return delta
    mask, top = side.tape.strands[-1][0].mask, side.layer.num_layers - 1
    own = side.dy[t].T if mask is None else np.where(mask[t], side.dy[t].T, 0)
    return [*delta[:top], delta[top] + own, *delta[top + 1 :]]


def _step_back(layer: Any, one: Tape, delta: Pieces) -> Pieces:
    """delta J of the one step on this tape."""
    L = layer.num_layers
    rows = adjoints_of(layer, one, None, delta[:L], delta[L:] or [None] * L)
    return [row[0].dh for row in rows] + ([row[0].dc for row in rows] if delta[L:] else [])


def _term(passed: Pieces, one: Tape, arrived: Array) -> tuple[Array, Array, Pieces]:
    """(T26) and (T27) of a step, (B,), and its derivative by what was passed (T28); no term is NaN, 0 and 0.

    passed: of an adjoint of norm 1, so that the ratio is its norm, and nothing here is as small as what vanishes.
    """
    xp = array_module(arrived)
    mask, ratio = one.strands[0][0].mask, _norm(passed)  # (T26)
    counts = arrived if mask is None else arrived & mask[0, 0]
    excess = xp.where(counts, ratio - 1, 0)
    slope = 2 * excess / (ratio + (ratio == 0))  # (T28)
    return xp.where(counts, ratio, np.nan), excess * excess, [slope * piece for piece in passed]  # (T27)


def _unit(pieces: Pieces) -> tuple[Pieces, Array]:
    """The state's adjoint at norm 1 in every sequence, and its norm (B,), of which no square underflows."""
    largest = sum(abs(piece).max(axis=0) for piece in pieces)
    scaled = [piece / (largest + (largest == 0)) for piece in pieces]
    norm = _norm(scaled)
    return [piece / (norm + (norm == 0)) for piece in scaled], largest * norm


def _immediate(twin: Any, one: Tape, along: Pieces, delta: Pieces) -> Array:
    """The derivative of <along, delta J> by the parameters: that of <delta, s_t> at s_{t-1} + i h along, over h."""
    xp = array_module(along[0])
    size = _norm([_norm(along)]).astype(np.float64)
    h, L = STEP / (size + (size == 0)), len(one.strands)
    strands = [row[0] for row in one.strands]
    before = [strand.s[0, : twin.state_size] for strand in strands]
    before += [strand.c[0] for strand in strands if strand.c is not None]
    start = [s + 1j * h * v.astype(np.float64) for s, v in zip(before, along, strict=True)]
    moved = twin.forward(_input(twin, one), stack_state(start[:L], start[L:] or [None], xp))[2]
    whole = [piece.astype(np.complex128) for piece in delta]
    return twin.backward(None, moved, stack_state(whole[:L], whole[L:] or [None], xp))[2].flat.imag / h


def _input(layer: Any, one: Tape) -> Array:
    """x (1, B, D) of the step on this tape, or its ids (1, B)."""
    strand = one.strands[0][0]
    return strand.s[:1, layer.state_size + layer.bias :].swapaxes(1, 2) if strand.ids is None else strand.ids


def _norm(pieces: Pieces) -> Array:
    """(B,) of pieces (features, B); of one piece (B,) a number."""
    return np.sqrt(sum((piece * piece).sum(axis=0) for piece in pieces))
