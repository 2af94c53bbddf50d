"""The influence matrix says how a state depends on the parameters; it moves forward in time with the state.

With S_t = ds_t/dtheta, J_t = ds_t/ds_{t-1} and F_t, the derivative of s_t by theta within step t alone,

    S_t = J_t S_{t-1} + F_t        gradient = sum_t q_t S_t,   q_t = dl_t/ds_t

RTRL computes S itself, SnAp and RFLO a part of it, UORO a product of two vectors in its place. The state s is that of
the whole stack: h of every layer, then an LSTM's c of every layer.
"""

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import array, mapping
from npseq.backend import Array, array_module
from npseq.bptt.factors import contract, strand_factors
from npseq.bptt.workspace import require
from npseq.layers.batch import check_array
from npseq.layers.jacobian import check_sequence, check_steps, state_features, state_jacobian
from npseq.layers.recurrent import Recurrent
from npseq.layers.upstream import PerLayer, check_dc
from npseq.magnitude import blank
from npseq.parameters import Parameters
from npseq.shown import describe, in_notebooks

LossGradient = Callable[[int, Array], Array]  # (t, y_t (B, P)) -> dl_t/dy_t (B, P)
Influence = dict[str, Array]  # {parameter: (B, n, ...)}: ds/dtheta of n state features
Update = Callable[[Any, Influence | None], Influence]  # (tape of one step, S before it) -> S after it


@in_notebooks
class Online(NamedTuple):
    """A gradient that was computed forward in time, as rtrl, uoro, snap and rflo return it."""

    grads: Parameters  # named and shaped as layer.params
    y: Array  # (T, B, P)
    state: Any  # after the last step
    influence: Any  # how that state depends on the parameters; passed in again, the sequence continues

    def __repr__(self) -> str:
        return describe(self._replace(influence=None))


def require_memory(method: str, layer: Recurrent, x: Array, max_bytes: int | None) -> None:
    """Raises MemoryError where an influence matrix, and the next one beside it, exceed max_bytes."""
    _, batch = check_steps(x)
    size, parameters = state_features(layer), layer.params.flat.size
    needed = 2 * batch * size * parameters * layer.dtype.itemsize
    remedy = "give fewer sequences at a time, fewer units, or use uoro, which carries two vectors in its place"
    require(f"{method}'s influence of {parameters} parameters on {size} states", needed, max_bytes, remedy)


def run_forward(
    layer: Recurrent,
    x: Array,
    dy: Array | LossGradient,
    state: Any,
    lengths: Array | None,
    dstate: Any,
    influence: Influence | None,
    update: Update,
    dc: Any = None,
) -> Online:
    """Runs all steps forward with the influence matrix that `update` computes; the other arguments are rtrl's."""
    steps, batch, lengths = check_sequence(layer, x, dy if callable(dy) else array("dy", dy), state, lengths, dstate)
    size, dcs = state_features(layer), check_dc(dc, layer, steps, batch)
    if influence is not None:
        influence = _checked_influence(layer, influence, batch, size)
    grads = Parameters(layer.params.layout, np.zeros_like(layer.params.flat))
    outputs = []
    for t in range(steps):
        y, state, tape = layer.forward(x[t : t + 1], state, lengths_at(lengths, t))
        influence = update(tape, influence)
        _add(grads, by_state(layer, output_gradient(dy, t, y[0], lengths), size, dcs, t, lengths), influence)
        outputs.append(y)
    if dstate is not None and influence is not None:
        h, c = layer.checked_state("dstate", dstate, batch)
        _add(grads, flat_state(h, c), influence)
    return Online(grads, join_outputs(layer, outputs, batch), state, influence)


def _checked_influence(layer: Recurrent, influence: Any, batch: int, size: int) -> Influence:
    """Raises TypeError or ValueError for what is no influence of an earlier call, {parameter: (B, n, ...)}."""
    if set(mapping("influence", influence)) != set(layer.params):
        raise ValueError(
            f"influence must have the names of layer.params, got {list(influence)!s:.300}; give that of Online"
        )
    xp = array_module(layer.params.flat)
    return {
        name: check_array(f"influence[{name!r}]", influence[name], (batch, size, *value.shape), layer.dtype, xp)
        for name, value in layer.params.items()
    }


def lengths_at(lengths: np.ndarray | None, t: int) -> np.ndarray | None:
    """The lengths (B,) of a batch of step t alone: 1 where the sequence has it."""
    return None if lengths is None else (lengths > t if lengths.ndim == 1 else lengths[t]).astype(np.int64)


def step_jacobians(layer: Recurrent, tape: Any) -> tuple[Array, Influence]:
    """Returns J (B, n, n), [after, before], and F {parameter: (B, n, ...)} of the tape's one step."""
    J, rows = state_jacobian(layer, tape)
    F = {}
    for l, row in enumerate(rows):
        ending = f"_l{l}" if l else ""
        factors = strand_factors(layer.cell, layer.weights(l, 0), tape.strands[l][0], row[0])
        F.update({f"{name}{ending}": contract(f, "bk") for name, f in factors.items()})
    return J, F


def multiply(J: Array, S: Array) -> Array:
    """Multiplies J (B, n, n) by S (B, n, ...)."""
    product: Array = np.matmul(J, S.reshape(*S.shape[:2], prod(S.shape[2:]))).reshape(S.shape)
    return product


def output_gradient(dy: Array | LossGradient, t: int, y: Array, lengths: Array | None) -> Array:
    """Returns dl_t/dy_t (B, P), zero past each length."""
    given = check_array("dy", dy(t, y), y.shape, y.dtype, array_module(y)) if callable(dy) else dy[t]
    return running_rows(given, t, lengths)


def running_rows(given: Array, t: int, lengths: np.ndarray | None) -> Array:
    """Rows (B, .) of step t, zero past each length."""
    running, xp = lengths_at(lengths, t), array_module(given)
    return given if running is None else blank(xp, given, xp.asarray(running[:, None]))


def refuse_clip(method: str, clip_adjoint: Any) -> None:
    """Raises ValueError for a clamp of adjoints, which no method forward in time has."""
    if clip_adjoint is not None:
        raise ValueError(
            f"clip_adjoint must be None in {method}, got {clip_adjoint!r:.80}: it clamps the adjoint of a step, which "
            "all later losses add up to, and forward in time they are not known yet; use backward or checkpointed"
        )


def join_outputs(layer: Recurrent, outputs: list[Array], batch: int) -> Array:
    xp = array_module(layer.params.flat)
    joined: Array = xp.concatenate(outputs) if outputs else xp.zeros((0, batch, layer.output_size), layer.dtype)
    return joined


def by_state(layer: Recurrent, dy: Array, size: int, dcs: PerLayer | None, t: int, lengths: np.ndarray | None) -> Array:
    """q (B, n): the loss reads h of the last layer, and what dcs says of the others' state beside h."""
    q = np.zeros_like(dy, shape=(len(dy), size))
    L, P, C = layer.num_layers, layer.state_size, layer.c_size
    q[:, (L - 1) * P : L * P] = dy
    for l, given in enumerate(dcs or ()):
        if given is not None:
            first = L * P + l * C
            q[:, first : first + C] = running_rows(given[t], t, lengths)
    return q


def flat_state(h: Array, c: Array | None) -> Array:
    """(B, n) from h (L, B, P) and c (L, B, H)."""
    parts = [h.swapaxes(0, 1)] + ([] if c is None else [c.swapaxes(0, 1)])
    flat: Array = array_module(h).concatenate([part.reshape(len(part), prod(part.shape[1:])) for part in parts], axis=1)
    return flat


def _add(grads: Parameters, q: Array, influence: Influence) -> None:
    """grads += q S, summed over the batch."""
    for name, S in influence.items():
        grads[name] = grads[name] + np.matmul(q.reshape(-1), S.reshape(q.size, prod(S.shape[2:]))).reshape(S.shape[2:])
