"""RTRL's influence matrix with most of it left out: gradients forward in time that are biased, and cheap to carry.

With S, J and F as in npseq.online.rtrl, both carry an influence matrix whose update keeps a part of RTRL's:

    SnAp-n    A_t = M * (J_t A_{t-1} + F_t)    M is 1 where a path of fewer than n carries leads, else 0
    RFLO      R_t = z_t * R_{t-1} + F_t        z_t is what the cell itself keeps of each unit

Menick et al. 2021 (arXiv 2006.07232); Murray 2019 (eLife 8:e43299); side by side in Marschall, Cho & Savin 2020 (JMLR
21:135) and in docs/derivations/online.md.
"""

from __future__ import annotations

import copy
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from npseq.backend import Array, array_module, to_host
from npseq.bptt.blocks import blocks_of
from npseq.bptt.workspace import MAX_BYTES
from npseq.layers.gru import GRUCell
from npseq.layers.jacobian import check_one_way, state_features
from npseq.layers.rnn import RNNCell
from npseq.online.rtrl import Influence, LossGradient, Online, apply, carried, one_step, require_influence

if TYPE_CHECKING:
    from npseq.layers.recurrent import Recurrent


def snap(
    layer: Recurrent,
    x: Array,
    dy: Array | LossGradient,
    state: Any = None,
    lengths: Array | None = None,
    dstate: Any = None,
    influence: Influence | None = None,
    *,
    n: int = 1,
    max_bytes: int | None = MAX_BYTES,
) -> Online:
    """The gradient by the sparse n-step approximation of RTRL, SnAp-n: biased, and RTRL's own from some n on.

    Kept are the entries of the influence matrix, a parameter's on a state feature, that are not zero within n steps,
    whatever the numbers; a weight that is exactly zero carries nothing, so the pattern is that of the parameters as
    they are. SnAp-1 keeps what a parameter does within its own step: of a plain RNN, of an LSTM and of a GRU with
    reset="after" its own unit alone, so that it is exact where units do not hear each other (but for an LSTM's output
    gate, which acts on its own c a step late). Where all weights are there SnAp-2 is RTRL; else it takes more steps.

    layer, x, dy, state, lengths, dstate, influence: as rtrl has them; the matrix is held with its zeros, for study, and
    takes rtrl's memory. n: steps, at least 1.
    Raises MemoryError, before anything is computed, where that passes max_bytes; ValueError for two directions, or an n
    below 1.
    """
    check_one_way(layer, "snap")
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
        raise ValueError(f"n must be an integer of at least 1, the step's own, got {n!r}")
    require_influence("snap", layer, x, max_bytes)
    xp = array_module(layer.params.flat)
    kept = {name: xp.asarray(reached) for name, reached in pattern(layer, int(n)).items()}

    def update(tape: Any, A: Influence | None) -> Influence:
        J, F = one_step(layer, tape)
        return F if A is None else {name: kept[name] * (apply(J, A[name]) + part) for name, part in F.items()}  # (O4)

    return carried(layer, x, dy, state, lengths, dstate, influence, update)


def pattern(layer: Recurrent, n: int) -> dict[str, np.ndarray]:
    """{parameter: (features, ...) bool}, on the host: on which state features it can act within n steps (O3)."""
    J, F = _generic_step(layer)
    reached = F
    for _ in range(n - 1):
        before, reached = reached, {name: part | (J @ reached[name] > 0) for name, part in F.items()}
        if all((reached[name] == before[name]).all() for name in F):
            break
    shapes = {name: layer.params[name].shape for name in F}
    return {name: part.reshape(len(part), *shapes[name]) for name, part in reached.items()}


def _generic_step(layer: Recurrent) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Where J (features, features) and F {name: (features, entries)} are not zero, at numbers with no accidents.

    Weights are random and positive where the layer's are not zero, so that nothing cancels and every ReLU is open, and
    small enough that no gate saturates.
    """
    rng, twin = np.random.default_rng(0), copy.copy(layer)
    twin.params = layer.params.like(to_host(layer.params.flat) != 0)
    for name in twin.params:
        if name.startswith("b_"):
            twin.params[name][...] = True
    size = layer.input_size + layer.num_layers * (layer.hidden_size + layer.state_size)
    twin = twin.bind(twin.params.flat * rng.uniform(0.5, 1, twin.params.flat.size) / size)

    def positive(*shape: int) -> np.ndarray:
        return rng.uniform(0.2, 0.8, shape)

    h, c = positive(layer.num_layers, 1, layer.state_size), positive(layer.num_layers, 1, layer.hidden_size)
    state = (h, c) if "c" in layer.cell.state else h
    J, F = one_step(twin, twin.forward(positive(1, 1, layer.input_size), state)[2])
    return J[0] != 0, {
        name: part[0].reshape(state_features(layer), prod(part.shape[2:])) != 0 for name, part in F.items()
    }


def rflo(
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
    """The gradient by random feedback local online learning, RFLO: what a unit keeps of itself goes on, nothing else.

    Murray 2019 has a plain network that leaks, h_t a mean of h_{t-1} and a tanh, and carries for each weight one trace
    that leaks alike. A GRU is that network with a leak of its own for each unit and step, z_t, and so it is one layer
    of GRU for which this is defined, the reset gate on either side; with its gates held constant it is the paper's.
    A plain RNN keeps nothing: what is left is Truncated(1). The result is the exact gradient of the losses with the h
    that gates and new content read held fixed. Random feedback is a choice of dy: hand in the loss's derivative by the
    outputs times a fixed random matrix in the place of the output layer's weights.

    layer: one RNN or GRU of one direction. x, dy, state, lengths, dstate, influence, max_bytes: as rtrl has them.
    Raises ValueError for an LSTM, a stack or two directions; MemoryError before anything is computed.
    """
    check_one_way(layer, "rflo")
    if not isinstance(layer.cell, (RNNCell, GRUCell)) or layer.num_layers != 1:
        raise ValueError(
            f"rflo is for one layer of GRU, whose z is the leak, or of RNN, got {layer}; an LSTM's gradient along its "
            "own c is backward's with CarouselTruncation(), and for a stack there is snap"
        )
    require_influence("rflo", layer, x, max_bytes)

    def update(tape: Any, A: Influence | None) -> Influence:
        F, strand = one_step(layer, tape)[1], tape.strands[0][0]
        kept: Any = np.zeros_like(strand.s[0, : layer.state_size])
        if isinstance(layer.cell, GRUCell):
            kept = strand.a[0, blocks_of(layer.cell).names.index("z")]
        if strand.mask is not None:
            kept = np.where(strand.mask[0], kept, 1)
        return F if A is None else {name: _scaled(kept.T, A[name]) + part for name, part in F.items()}  # (O6)

    return carried(layer, x, dy, state, lengths, dstate, influence, update)


def _scaled(kept: Array, A: Array) -> Array:
    """kept (B, n) times A (B, n, ...)."""
    return kept.reshape(*kept.shape, *[1] * (A.ndim - 2)) * A
