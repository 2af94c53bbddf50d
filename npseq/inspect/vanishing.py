"""A penalty on gradients that vanish or explode from step to step, and its derivative by the parameters.

Pascanu, Mikolov & Bengio 2013 (arXiv 1211.5063), equations 9 and 10: (T26) to (T30) of docs/derivations/time.md.
"""

from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, array_module
from npseq.bptt.tape import Tape
from npseq.inspect.curvature import STEP
from npseq.inspect.passes import View, masked_dy, views_of
from npseq.layers.adjoints import adjoints_of
from npseq.layers.jacobian import at_step, check_one_way
from npseq.layers.layer import require_real
from npseq.layers.recurrent import Recurrent
from npseq.layers.states import stack_state
from npseq.magnitude import joint_norm
from npseq.parameters import Parameters

Pieces = list[Array]  # the stack's state: h (P, B) of every layer, then an LSTM's c (H, B) of every layer


class VanishingPenalty(NamedTuple):
    """A penalty, its terms and its derivative."""

    value: float  # Omega, summed over steps and sequences
    ratios: Array  # (T, B): norm of the adjoint one step earlier, over the adjoint's own; NaN where there is no term
    grads: Parameters  # its immediate derivative, named and shaped as layer.params


def vanishing_penalty(layer: Recurrent, dy: Array | None, tape: Any, dstate: Any = None) -> VanishingPenalty:
    """Returns Omega, which is zero where every step back preserves the gradient's norm, and its immediate derivative.

        p_t = delta_t J_t,   Omega = sum_{t>1} (|p_t| / |delta_t| - 1)^2

    with delta_t = dL/ds_t, J_t = ds_t/ds_{t-1} and s the state of the whole stack, an LSTM's c in it. Each sequence has
    its own norms. The first step has no term, since what it passes on reaches the given state alone; nor has a step
    past a length, or one whose delta_t is zero.

    grads is equation 10 of the paper: the derivative with delta_t and s_{t-1} held fixed, so that the parameters act in
    step t alone. It is not the whole derivative of Omega, which would follow both through time. With the state before
    the activation, as in the paper, it would be that of the recurrent weights only.
    It is exact, for every cell: with v_t = dOmega/dp_t, a step from s_{t-1} + i h v_t through forward and backward.

    Args:
        layer: an RNN, GRU or LSTM of one direction and any depth.
        dy: the loss's derivative by y, (T, B, P), or None for zeros.
        tape: what forward returned.
        dstate: the loss's derivative by the last state, or None for zeros.

    Raises:
        TypeError: if layer is complex, or tape not one of its own.
        ValueError: for two directions, a tape on which dropout acted, or a shape that does not fit.

    Example:
        >>> layer = ns.RNN(2, 3, rng=0)
        >>> y, _, tape = layer.forward(np.ones((4, 1, 2), np.float32))
        >>> ns.inspect.vanishing_penalty(layer, 0 * y, tape).value
        0.0
    """
    check_one_way(layer, "vanishing_penalty")
    (view,) = views_of(layer, tape, dy, dstate)
    _require_plain(layer, tape)
    xp, steps = array_module(layer.params.flat), view.steps
    ratios = xp.full((steps, view.batch), np.nan, layer.dtype)
    value: Any = xp.zeros((), layer.dtype)
    delta, dy_features, found, began = _last(view), masked_dy(view), [], _began(view)
    for t in reversed(range(1, steps)):
        delta = _with_loss(delta, layer.num_layers - 1, dy_features, t)
        one = at_step(tape, t)
        unit, size = _unit(delta)
        passed = _step_back(layer, one, unit)
        ratios[t], term, along = _term(passed, one, (size > 0) & began[t])
        value = value + term.sum()
        found.append((along, unit))
        delta = [size * piece for piece in passed]
    total = _immediate(layer, tape, *zip(*found[::-1], strict=True)) if found else 0 * layer.params.flat
    grads = Parameters(layer.params.layout, total.astype(layer.dtype))
    return VanishingPenalty(float(value), ratios, grads)


def _require_plain(layer: Any, tape: Tape) -> None:
    require_real(layer)
    if any(mask is not None for mask in tape.dropout):
        raise ValueError("tape must be of a forward without dropout, got one on which it acted; give training=False")


def _last(view: View) -> Pieces:
    """The derivative by the last state from the loss's direct use of it."""
    parts = (view.dh,) if view.dc is None else (view.dh, view.dc)
    return [row.T for part in parts for row in part]


def _began(view: View) -> Any:
    """(T, B): whether a sequence has had a step before; its first one reaches the given first state alone."""
    xp, mask = array_module(view.dh), view.tape.strands[0][0].mask
    ones = xp.ones((view.steps, view.batch), bool) if mask is None else mask[:, 0]
    return xp.cumsum(ones, axis=0) > ones


def _with_loss(delta: Pieces, top: int, dy: Array | None, t: int) -> Pieces:
    """delta plus the part of the loss at step t, which reads h of the last layer, `top`, alone."""
    return delta if dy is None else [*delta[:top], delta[top] + dy[t], *delta[top + 1 :]]


def _step_back(layer: Any, one: Tape, delta: Pieces) -> Pieces:
    """delta J of the one step on this tape."""
    L = layer.num_layers
    rows = adjoints_of(layer, one, None, delta[:L], delta[L:] or [None] * L)
    return [row[0].dh for row in rows] + ([row[0].dc for row in rows] if delta[L:] else [])


def _term(passed: Pieces, one: Tape, arrived: Array) -> tuple[Array, Array, Pieces]:
    """(T26) and (T27) of a step, (B,), and the derivative by what was passed (T28); no term is NaN, 0 and 0.

    passed: of an adjoint of norm 1, so that the ratio is its norm, and no number is as small as what vanishes.
    """
    xp = array_module(arrived)
    mask, ratio = one.strands[0][0].mask, joint_norm(passed, 0)  # (T26)
    counts = arrived if mask is None else arrived & mask[0, 0]
    excess = xp.where(counts, ratio - 1, 0)
    slope = 2 * excess / (ratio + (ratio == 0))  # (T28)
    return xp.where(counts, ratio, np.nan), excess * excess, [slope * piece for piece in passed]  # (T27)


def _unit(pieces: Pieces) -> tuple[Pieces, Array]:
    """The state's adjoint at norm 1 in every sequence, and its norm (B,)."""
    size = joint_norm(pieces, 0)
    return [piece / (size + (size == 0)) for piece in pieces], size


def _immediate(layer: Any, tape: Tape, along: tuple[Pieces, ...], delta: tuple[Pieces, ...]) -> Array:
    """The derivative of the sum of <along_t, delta_t J_t>, t > 1, by the parameters, which act in step t alone.

    That of <delta_t, s_t> at s_{t-1} + i h along_t, over h. The steps do not depend on each other: they are one batch.
    """
    xp, rows = array_module(along[0][0]), [row[0] for row in tape.strands]
    copy, L, steps = layer.astype(np.complex128), len(rows), len(along)
    moves, adjoints = (
        [_side_by_side(xp, piece).astype(np.float64) for piece in zip(*of, strict=True)] for of in (along, delta)
    )
    size = joint_norm(moves, 0)  # so that each direction has length 1, and no step vanishes
    before = [_side_by_side(xp, strand.s[1 : steps + 1, : layer.state_size]) for strand in rows]
    before += [_side_by_side(xp, strand.c[1 : steps + 1]) for strand in rows if strand.c is not None]
    start = [s + 1j * STEP * (v / (size + (size == 0))) for s, v in zip(before, moves, strict=True)]
    moved = copy.forward(_input(xp, layer, rows[0], steps), stack_state(start[:L], start[L:] or [None], xp))[2]
    whole = [(size * piece).astype(np.complex128) for piece in adjoints]
    found: Array = copy.backward(None, moved, stack_state(whole[:L], whole[L:] or [None], xp))[2].flat.imag / STEP
    return found


def _side_by_side(xp: Any, steps: Any) -> Array:
    """The (N, B) of each step as one array (N, steps * B)."""
    stacked = xp.stack(list(steps), axis=1)
    beside: Array = stacked.reshape(len(stacked), -1)
    return beside


def _input(xp: Any, layer: Any, strand: Any, steps: int) -> Array:
    """x (1, steps * B, D) of all steps but the first, or their ids."""
    if strand.ids is not None:
        ids: Array = strand.ids[1:].reshape(1, -1)
        return ids
    return _side_by_side(xp, strand.s[1 : steps + 1, layer.state_size + layer.bias :]).T[None]
