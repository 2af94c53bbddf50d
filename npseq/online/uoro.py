"""Unbiased online recurrent optimisation (UORO) estimates the gradient forward in time with two vectors.

Tallec & Ollivier 2018, arXiv 1702.05043.
"""

from typing import Any

import numpy as np

from npseq.arguments import array
from npseq.backend import Array, array_module, drawing
from npseq.layers.batch import check_array
from npseq.layers.jacobian import check_one_way, check_sequence
from npseq.layers.layer import require_real
from npseq.layers.recurrent import Recurrent
from npseq.layers.states import as_state, state_arrays
from npseq.layers.upstream import check_dc
from npseq.magnitude import joint_norm, norm
from npseq.online.influence import (
    LossGradient,
    Online,
    join_outputs,
    lengths_at,
    output_gradient,
    refuse_clip,
    running_rows,
)
from npseq.parameters import Parameters

STEP = 1e-20


def uoro(
    layer: Recurrent,
    x: Array,
    dy: Array | LossGradient,
    state: Any = None,
    lengths: Array | None = None,
    dstate: Any = None,
    *,
    influence: tuple[Any, Array] | None = None,
    dc: Any = None,
    clip_adjoint: float | None = None,
    rng: int | np.random.Generator | None = None,
    signs: list[Any] | None = None,
) -> Online:
    """Estimates the gradient without bias by unbiased online recurrent optimisation, in the memory of two vectors.

    The influence matrix S is replaced by a vector s~, shaped as the state, and a vector th~, shaped as the parameters,
    with E[s~ th~^T] = S over random signs nu:

        s~ <- r0 J s~ + r1 nu,   th~ <- th~ / r0 + nu^T F / r1
        r0 = sqrt(|th~| / |J s~|),   r1 = sqrt(|nu^T F| / |nu|)

    J s~ is the derivative of a forward step by a complex step, nu^T F one backward step. The whole batch is one system
    with one th~.

    Args:
        layer: an RNN, GRU or LSTM of one direction and any depth.
        x, dy, state, lengths, dstate, dc, clip_adjoint: as rtrl takes them.
        influence: the influence of an earlier call, (s~, th~), to continue that sequence.
        rng: a seed or Generator for the signs.
        signs: one array of +-1 per step, shaped as the state (a pair for an LSTM), to use in place of random ones.

    Raises:
        ValueError: if the layer has two directions, a shape does not fit, or there is not one array of signs per step.

    Example:
        >>> layer, x, dy = ns.GRU(2, 3, dtype=np.float64, rng=0), np.ones((5, 1, 2)), np.ones((5, 1, 3))
        >>> first, second = (ns.uoro(layer, x, dy, rng=seed).grads.flat for seed in (0, 1))
        >>> first.shape == layer.params.flat.shape, np.allclose(first, second)
        (True, False)
    """
    check_one_way(layer, "uoro")
    refuse_clip("uoro", clip_adjoint)
    require_real(layer)
    steps, batch, lengths = check_sequence(layer, x, dy if callable(dy) else array("dy", dy), state, lengths, dstate)
    dcs = check_dc(dc, layer, steps, batch)
    state = state_arrays(layer.checked_state("state", state, batch))
    s, theta = ([0 * part for part in state], 0 * layer.params.flat)
    if influence is not None:
        s, theta = _checked_influence(layer, influence, batch)
    if signs is not None:
        each: Any = signs
        if not isinstance(each, list | tuple) or len(each) != steps:
            raise ValueError(f"signs must be a list of one state a step, {steps} in all, got {signs!r:.60}")
        whole = (given[0] if isinstance(given, tuple) and len(given) == 1 else given for given in each)
        signs = [state_arrays(layer.checked_state(f"signs[{t}]", one, batch)) for t, one in enumerate(whole)]
    with drawing(rng) as draw:
        if signs is None:
            signs = [[_signs(draw, part) for part in state] for _ in range(steps)]
        return _run(layer, x, dy, state, lengths, dstate, s, theta, dcs, signs)


def _signs(rng: np.random.Generator, part: Array) -> Array:
    signs: Array = array_module(part).asarray(rng.choice([-1.0, 1.0], part.shape).astype(part.dtype))
    return signs


def _run(
    layer: Recurrent,
    x: Array,
    dy: Array | LossGradient,
    state: list[Array],
    lengths: Any,
    dstate: Any,
    s: list[Array],
    theta: Array,
    dcs: Any,
    signs: list[Any],
) -> Online:
    """Runs all steps forward with s~ and th~; the other arguments are uoro's, checked."""
    total, complex_layer, outputs = 0 * layer.params.flat, layer.astype(np.complex128), []
    for t, nu in enumerate(signs):
        running = lengths_at(lengths, t)
        Js = _forward_tangent(complex_layer, x[t : t + 1], state, s, running)
        y, state, tape = layer.forward(x[t : t + 1], as_state(state), running)
        state = state_arrays(state)
        F = layer.backward(None, tape, as_state(nu))[2].flat
        r0, r1 = _balance(norm(theta), joint_norm(Js)), _balance(norm(F), joint_norm(nu))
        s = [r0 * a + r1 * b for a, b in zip(Js, nu, strict=True)]
        theta = theta / r0 + F / r1
        total = total + (output_gradient(dy, t, y[0], lengths) * s[0][-1]).sum() * theta
        for l, dc in enumerate(dcs or ()):
            if dc is not None:
                total = total + (running_rows(dc[t], t, lengths) * s[1][l]).sum() * theta
        outputs.append(y)
    if dstate is not None:
        last = state_arrays(layer.checked_state("dstate", dstate, x.shape[1]))
        total = total + sum((q * part).sum() for q, part in zip(last, s, strict=True)) * theta
    grads = Parameters(layer.params.layout, total)
    return Online(grads, join_outputs(layer, outputs, x.shape[1]), as_state(state), (s, theta))


def _checked_influence(layer: Recurrent, influence: Any, batch: int) -> tuple[list[Array], Array]:
    """Raises TypeError or ValueError for what is no influence of an earlier call: s~, as the state, and th~."""
    if not isinstance(influence, tuple | list) or len(influence) != 2:
        raise TypeError(f"influence must be the pair (s~, th~) of an earlier call, got {type(influence).__name__}")
    s, flat = influence[0], layer.params.flat
    s = as_state(s) if isinstance(s, list) and s else s
    theta = check_array("influence[1]", influence[1], flat.shape, flat.dtype, array_module(flat))
    return state_arrays(layer.checked_state("influence[0]", s, batch)), theta


def _forward_tangent(layer: Recurrent, x: Array, state: list[Array], along: list[Array], running: Any) -> list[Array]:
    """J s~ of one step, s~ being `along`: the imaginary part of a complex layer's step from a shifted state."""
    size = joint_norm(along).astype(np.float64)
    h = STEP / (size + (size == 0))
    start = [a + 1j * h * b.astype(np.float64) for a, b in zip(state, along, strict=True)]
    _, moved, _ = layer.forward(x, as_state(start), running)
    arrays = state_arrays(moved)
    return [(array.imag / h).astype(part.dtype) for array, part in zip(arrays, state, strict=True)]


def _balance(numerator: Any, denominator: Any) -> Any:
    """The factor that makes both vectors equally long; 1 where one of them is zero and any factor would do."""
    xp, both = array_module(numerator), (numerator > 0) & (denominator > 0)
    ratio = xp.sqrt(numerator) / xp.sqrt(denominator + (denominator == 0))
    return xp.where(both, ratio, 1).astype(numerator.dtype)
