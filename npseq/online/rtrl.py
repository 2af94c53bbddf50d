"""Gradients forward in time: nothing is kept of the past but what the state owes to the parameters.

With S_t = ds_t/dtheta, J_t = ds_t/ds_{t-1} and F_t = what theta does to s_t in step t itself,

    S_t = J_t S_{t-1} + F_t        gradient = sum_t q_t S_t,   q_t = dl_t/ds_t

RTRL carries S (Williams & Zipser 1989), UORO an unbiased product of two vectors in its place (Tallec & Ollivier 2018,
arXiv 1702.05043). The state s is that of the whole stack: h of every layer, then an LSTM's c of every layer.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from npseq.arguments import array
from npseq.backend import Array, array_module, generator, to_host
from npseq.bptt.factors import contract, strand_factors
from npseq.bptt.tape import describe
from npseq.bptt.workspace import MAX_BYTES, require
from npseq.layers.jacobian import check_one_way, check_steps, state_features, state_jacobian
from npseq.layers.states import as_state, state_arrays
from npseq.parameters import Parameters

if TYPE_CHECKING:
    from npseq.layers.recurrent import Recurrent

LossGradient = Callable[[int, Array], Array]  # (t, y_t (B, P)) -> dl_t/dy_t (B, P)
Influence = dict[str, Array]  # {parameter: (B, n, ...)}: ds/dtheta, n state features
Update = Callable[[Any, Influence | None], Influence]  # (tape of one step, S before it) -> S after it
STEP = 1e-20


class Online(NamedTuple):
    """What RTRL, UORO, SnAp or RFLO returns."""

    grads: Parameters  # named and shaped as layer.params
    y: Array  # (T, B, P)
    state: Any  # after the last step
    influence: Any  # how that state depends on the parameters: handed back in, a sequence goes on

    def __repr__(self) -> str:
        return describe(self._replace(influence=None))


def rtrl(
    layer: Recurrent,
    x: Array,
    dy: Array | LossGradient,
    state: Any = None,
    lengths: Array | None = None,
    dstate: Any = None,
    influence: Influence | None = None,
    *,
    max_bytes: int | None = MAX_BYTES,
) -> Online:
    """The gradient by real-time recurrent learning: equal to backward's, worked out while going forward.

    layer: RNN, GRU or LSTM of one direction, any depth. x, state, lengths, dstate: as forward and backward take them.
    dy: (T, B, P), or a function of the step and its output, for losses that are known only then. influence: an earlier
    call's, {parameter: (B, n, ...)} with n state features, to go on with where it ended; None: the first state does
    not depend on the parameters. It takes B * n numbers for every parameter; dropout does not act.
    Raises MemoryError, before anything is computed, where that passes max_bytes; ValueError for two directions.
    """
    check_one_way(layer, "rtrl")
    require_influence("rtrl", layer, x, max_bytes)

    def update(tape: Any, S: Influence | None) -> Influence:
        J, F = one_step(layer, tape)
        return F if S is None else {name: apply(J, S[name]) + part for name, part in F.items()}

    return carried(layer, x, dy, state, lengths, dstate, influence, update)


def require_influence(method: str, layer: Recurrent, x: Array, max_bytes: int | None) -> None:
    """Raises MemoryError where an influence matrix, and the next one beside it, pass max_bytes."""
    _, batch = check_steps(x)
    size, parameters = state_features(layer), layer.params.flat.size
    needed = 2 * batch * size * parameters * layer.dtype.itemsize
    remedy = "give fewer sequences at a time, fewer units, or use uoro, which carries two vectors in its place"
    require(f"{method}'s influence of {parameters} parameters on {size} states", needed, max_bytes, remedy)


def carried(
    layer: Recurrent,
    x: Array,
    dy: Array | LossGradient,
    state: Any,
    lengths: Array | None,
    dstate: Any,
    influence: Influence | None,
    update: Update,
) -> Online:
    """Forward through all steps with an influence matrix that `update` takes from step to step; arguments as rtrl's."""
    steps, batch = check_steps(x)
    lengths = None if lengths is None else to_host(lengths)
    size = state_features(layer)
    grads = Parameters(layer.params.layout, np.zeros_like(layer.params.flat))
    outputs = []
    for t in range(steps):
        y, state, tape = layer.forward(x[t : t + 1], state, _running(lengths, t))
        influence = update(tape, influence)
        top = _to_state(layer, _loss_gradient(layer, dy, t, y[0], lengths), size)
        _add(grads, top, influence)
        outputs.append(y)
    if dstate is not None and influence is not None:
        h, c = layer.checked_state("dstate", dstate, batch)
        _add(grads, _flat_state(h, c), influence)
    return Online(grads, _joined(layer, outputs, batch), state, influence)


def _running(lengths: np.ndarray | None, t: int) -> np.ndarray | None:
    """lengths (B,) of one step, on the host: whether each sequence is still running."""
    return None if lengths is None else (lengths > t).astype(np.int64)


def one_step(layer: Recurrent, tape: Any) -> tuple[Array, Influence]:
    """J (B, n, n), [after, before], and F {parameter: (B, n, ...)} of a step."""
    J, rows = state_jacobian(layer, tape)
    F = {}
    for l, row in enumerate(rows):
        ending = f"_l{l}" if l else ""
        factors = strand_factors(layer.cell, layer.weights(l, 0), tape.strands[l][0], row[0])
        F.update({f"{name}{ending}": contract(f, "bk") for name, f in factors.items()})
    return J, F


def apply(J: Array, S: Array) -> Array:
    """J (B, n, n) times S (B, n, ...)."""
    return np.matmul(J, S.reshape(*S.shape[:2], prod(S.shape[2:]))).reshape(S.shape)


def _loss_gradient(layer: Recurrent, dy: Array | LossGradient, t: int, y: Array, lengths: Array | None) -> Array:
    """dl_t/dy_t (B, P), zero past each length."""
    if not callable(dy) and (array("dy", dy).ndim != 3 or t >= len(dy)):
        raise ValueError(f"dy must have shape (T, B, P) with all steps of x, got {dy.shape}")
    given = array("dy", dy(t, y) if callable(dy) else dy[t])
    if given.shape != y.shape:
        raise ValueError(f"dy must have shape {y.shape} at each step, got {given.shape} at step {t}")
    running = _running(lengths, t)
    return given if running is None else given * array_module(y).asarray(running[:, None].astype(y.real.dtype))


def _to_state(layer: Recurrent, dy: Array, size: int) -> Array:
    """(B, n): the loss reads the last layer's h alone."""
    q = np.zeros_like(dy, shape=(len(dy), size))
    P = layer.state_size
    q[:, (layer.num_layers - 1) * P : layer.num_layers * P] = dy
    return q


def _flat_state(h: Array, c: Array | None) -> Array:
    """(B, n) from h (L, B, P) and c (L, B, H)."""
    parts = [h.swapaxes(0, 1)] + ([] if c is None else [c.swapaxes(0, 1)])
    return array_module(h).concatenate([part.reshape(len(part), prod(part.shape[1:])) for part in parts], axis=1)


def _add(grads: Parameters, q: Array, influence: Influence) -> None:
    """grads += q S, summed over the batch."""
    for name, S in influence.items():
        grads[name] = grads[name] + np.matmul(q.reshape(-1), S.reshape(q.size, prod(S.shape[2:]))).reshape(S.shape[2:])


def _joined(layer: Recurrent, outputs: list[Array], batch: int) -> Array:
    xp = array_module(layer.params.flat)
    return xp.concatenate(outputs) if outputs else xp.zeros((0, batch, layer.output_size), layer.dtype)


def uoro(
    layer: Recurrent,
    x: Array,
    dy: Array | LossGradient,
    state: Any = None,
    lengths: Array | None = None,
    dstate: Any = None,
    influence: tuple[Any, Array] | None = None,
    *,
    rng: int | np.random.Generator | None = None,
    signs: list[Any] | None = None,
) -> Online:
    """An unbiased estimate of the gradient by unbiased online recurrent optimisation, in the memory of two vectors.

    Carried are s~, shaped as the state, and th~, as the parameters, with E[s~ th~^T] = S over random signs nu:

        s~ <- r0 J s~ + r1 nu,   th~ <- th~ / r0 + nu^T F / r1
        r0 = sqrt(|th~| / |J s~|),   r1 = sqrt(|nu^T F| / |nu|)

    J s~ is a complex step forward, nu^T F one step of backward; the batch is one system with one th~.
    layer, x, dy, state, lengths, dstate: as rtrl has them. influence: an earlier call's (s~, th~). rng: of the signs.
    signs: one state-shaped array of +-1 a step (an LSTM's: a pair), to be used in place of random ones.
    Raises ValueError for two directions, or where signs are not one a step.
    """
    check_one_way(layer, "uoro")
    steps, batch = check_steps(x)
    lengths = None if lengths is None else to_host(lengths)
    if signs is not None and len(signs) != steps:
        raise ValueError(f"signs must hold one state a step, {steps}, got {len(signs)}")
    rng = generator(rng)
    xp = array_module(layer.params.flat)
    state = state_arrays(layer.checked_state("state", state, batch))
    s, theta = ([0 * part for part in state], 0 * layer.params.flat) if influence is None else influence
    total, twin = 0 * layer.params.flat, layer.astype(np.complex128)
    outputs = []
    for t in range(steps):
        running = _running(lengths, t)
        nu = [xp.asarray(rng.choice([-1.0, 1.0], part.shape).astype(layer.dtype)) for part in state]
        nu = nu if signs is None else state_arrays(signs[t])
        Js = _forward_tangent(twin, x[t : t + 1], state, s, running)
        y, state, tape = layer.forward(x[t : t + 1], as_state(state), running)
        state = state_arrays(state)
        F = layer.backward(None, tape, as_state(nu))[2].flat
        r0, r1 = _balance(_norm(theta), _norm(*Js)), _balance(_norm(F), _norm(*nu))
        s = [r0 * a + r1 * b for a, b in zip(Js, nu, strict=True)]
        theta = theta / r0 + F / r1
        total = total + (_loss_gradient(layer, dy, t, y[0], lengths) * s[0][-1]).sum() * theta
        outputs.append(y)
    if dstate is not None:
        given = state_arrays(layer.checked_state("dstate", dstate, batch))
        total = total + sum((q * part).sum() for q, part in zip(given, s, strict=True)) * theta
    grads = Parameters(layer.params.layout, total)
    return Online(grads, _joined(layer, outputs, batch), as_state(state), (s, theta))


def _forward_tangent(twin: Recurrent, x: Array, state: list[Array], along: list[Array], running: Any) -> list[Array]:
    """J s~ of one step: the imaginary part of a step from a state moved by i h s~."""
    size = _norm(*along).astype(np.float64)
    h = STEP / (size + (size == 0))
    start = [a + 1j * h * b.astype(np.float64) for a, b in zip(state, along, strict=True)]
    _, moved, _ = twin.forward(x, as_state(start), running)
    pieces = state_arrays(moved)
    return [(piece.imag / h).astype(part.dtype) for piece, part in zip(pieces, state, strict=True)]


def _norm(*arrays: Array) -> Any:
    return np.sqrt(sum((array * array).sum() for array in arrays))


def _balance(numerator: Any, denominator: Any) -> Any:
    """The factor that makes both vectors equally long; 1, as good as any, where one of them is zero."""
    xp, both = array_module(numerator), (numerator > 0) & (denominator > 0)
    ratio = numerator / (denominator + (denominator == 0))
    return xp.where(both, xp.sqrt(ratio), 1).astype(numerator.dtype)
