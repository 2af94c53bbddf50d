"""SnAp-n keeps those entries of RTRL's influence matrix that n steps can reach, and drops the others.

    A_t = M * (J_t A_{t-1} + F_t)

S, J and F are those of npseq.online.influence; M is 1 where a path of fewer than n recurrent edges leads, else 0.
Menick et al. 2021, arXiv 2006.07232; compared with RTRL and RFLO in Marschall, Cho & Savin 2020 (JMLR 21:135) and in
docs/derivations/online.md.
"""

from math import prod
from typing import Any

import numpy as np

from npseq.arguments import integer
from npseq.backend import Array, array_module, to_host
from npseq.bptt.workspace import MAX_BYTES
from npseq.layers.jacobian import check_one_way, state_features
from npseq.layers.recurrent import Recurrent
from npseq.online.influence import (
    Influence,
    LossGradient,
    Online,
    multiply,
    refuse_clip,
    require_memory,
    run_forward,
    step_jacobians,
)


def snap(
    layer: Recurrent,
    x: Array,
    dy: Array | LossGradient,
    state: Any = None,
    lengths: Array | None = None,
    dstate: Any = None,
    *,
    influence: Influence | None = None,
    dc: Any = None,
    clip_adjoint: float | None = None,
    n: int = 1,
    max_bytes: int | None = MAX_BYTES,
) -> Online:
    """Computes the gradient by SnAp-n, the sparse n-step approximation of RTRL: biased, and exact if n is large.

    An entry of the influence matrix, a parameter's effect on a state feature, is kept if some numbers make it nonzero
    within n steps. A weight that is exactly zero has no effect, so the pattern depends on which parameters are zero.
    SnAp-1 keeps what a parameter does within its own step: in a plain RNN, an LSTM and a GRU with reset="after" it acts
    on its own unit alone, so SnAp-1 is exact if the units do not read each other (but for an LSTM's output gate, which
    acts on its own c a step late). If no weight is zero, SnAp-2 is RTRL; otherwise it takes more steps.

    The matrix is stored with its zeros, for study, and needs as much memory as rtrl's.

    Args:
        layer: an RNN, GRU or LSTM of one direction and any depth.
        x, dy, state, lengths, dstate, dc, clip_adjoint, max_bytes: as rtrl takes them.
        influence: the influence of an earlier call, to continue that sequence.
        n: the number of steps, at least 1.

    Raises:
        MemoryError: before anything is computed, if more than max_bytes is needed.
        ValueError: if the layer has two directions, a shape does not fit, or n is below 1.

    Example:
        >>> layer, x, dy = ns.GRU(2, 3, dtype=np.float64, rng=0), np.ones((5, 1, 2)), np.ones((5, 1, 3))
        >>> exact = ns.rtrl(layer, x, dy).grads.flat
        >>> [np.allclose(ns.snap(layer, x, dy, n=n).grads.flat, exact) for n in (1, 2)]
        [False, True]
    """
    check_one_way(layer, "snap")
    refuse_clip("snap", clip_adjoint)
    n = integer("n", n)
    require_memory("snap", layer, x, max_bytes)
    xp = array_module(layer.params.flat)
    masks = {name: xp.asarray(reached) for name, reached in pattern(layer, n).items()}

    def update(tape: Any, A: Influence | None) -> Influence:
        J, F = step_jacobians(layer, tape)
        if A is None:
            return F
        return {name: masks[name] * (multiply(J, A[name]) + part) for name, part in F.items()}  # (O4)

    return run_forward(layer, x, dy, state, lengths, dstate, influence, update, dc)


def pattern(layer: Recurrent, n: int) -> dict[str, np.ndarray]:
    """Returns {parameter: (features, ...) bool}, on the host: the state features it can act on within n steps (O3)."""
    J, F = _generic_step(layer)
    reached = F
    for _ in range(n - 1):
        before, reached = reached, {name: part | (J @ reached[name] > 0) for name, part in F.items()}
        if all((reached[name] == before[name]).all() for name in F):
            break
    shapes = {name: layer.params[name].shape for name in F}
    return {name: part.reshape(len(part), *shapes[name]) for name, part in reached.items()}


def _generic_step(layer: Recurrent) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Where J (features, features) and F {name: (features, entries)} are nonzero for generic numbers.

    Weights are random and positive where the layer's are not zero, so that nothing cancels and every ReLU is active,
    and so small that no gate saturates.
    """
    rng = np.random.default_rng(0)
    generic = layer.bind((to_host(layer.params.flat) != 0).astype(np.float64))
    for name in generic.params:
        if name.startswith("b_"):
            generic.params[name][...] = 1
    size = layer.input_size + layer.num_layers * (layer.hidden_size + layer.state_size)
    generic = generic.bind(generic.params.flat * rng.uniform(0.5, 1, generic.params.flat.size) / size)

    def positive(*shape: int) -> np.ndarray:
        return rng.uniform(0.2, 0.8, shape)

    h, c = positive(layer.num_layers, 1, layer.state_size), positive(layer.num_layers, 1, layer.c_size)
    state = (h, c) if layer.c_size else h
    J, F = step_jacobians(generic, generic.forward(positive(1, 1, layer.input_size), state)[2])
    return J[0] != 0, {
        name: part[0].reshape(state_features(layer), prod(part.shape[2:])) != 0 for name, part in F.items()
    }
