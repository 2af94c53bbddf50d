"""Random feedback local online learning (RFLO) keeps what each unit passes to itself, and nothing else.

    R_t = z_t * R_{t-1} + F_t

F is that of npseq.online.influence; z_t is the part of its old value that a unit keeps, by the cell's equations. Murray
2019, eLife 8:e43299; compared with RTRL and SnAp in Marschall, Cho & Savin 2020 (JMLR 21:135) and in
docs/derivations/online.md.
"""

from typing import Any

import numpy as np

from npseq.backend import Array
from npseq.bptt.blocks import blocks_of
from npseq.bptt.workspace import MAX_BYTES
from npseq.layers.gru import GRUCell
from npseq.layers.jacobian import check_one_way
from npseq.layers.recurrent import Recurrent
from npseq.layers.rnn import RNNCell
from npseq.online.influence import (
    Influence,
    LossGradient,
    Online,
    refuse_clip,
    require_memory,
    run_forward,
    step_jacobians,
)


def rflo(
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
    max_bytes: int | None = MAX_BYTES,
) -> Online:
    """Computes the gradient by random feedback local online learning, RFLO: one trace per weight, which leaks.

    Murray 2019 has a plain leaky network, in which h_t is a mean of h_{t-1} and a tanh, and carries for each weight one
    trace that leaks alike. A GRU is that network with a leak of its own for each unit and step, z_t, so RFLO is defined
    for one layer of GRU, with the reset gate on either side; with constant gates it is the paper's. A plain RNN keeps
    nothing: what is left is Truncated(1). The result is the exact gradient of the losses with the h that gates and new
    content read held fixed. Random feedback is a choice of dy: pass the loss's derivative by the outputs times a fixed
    random matrix in place of the output layer's weights.

    Args:
        layer: one RNN or GRU of one direction.
        x, dy, state, lengths, dstate, dc, clip_adjoint, max_bytes: as rtrl takes them.
        influence: the influence of an earlier call, to continue that sequence.

    Raises:
        MemoryError: before anything is computed, if more than max_bytes is needed.
        ValueError: if the layer is an LSTM, a stack or has two directions, or a shape does not fit.

    Example:
        >>> layer, x, dy = ns.RNN(2, 3, dtype=np.float64, rng=0), np.ones((5, 1, 2)), np.ones((5, 1, 3))
        >>> grads = layer.backward(dy, layer.forward(x)[2], truncation=ns.Truncated(1))[2]
        >>> np.allclose(ns.rflo(layer, x, dy).grads.flat, grads.flat)
        True
    """
    check_one_way(layer, "rflo")
    refuse_clip("rflo", clip_adjoint)
    if not isinstance(layer.cell, (RNNCell, GRUCell)) or layer.num_layers != 1:
        raise ValueError(
            f"rflo is for one layer of GRU, whose z is the leak, or of RNN, got {layer}; an LSTM's gradient along its "
            "own c is backward's with CarouselTruncation(), and for a stack there is snap"
        )
    require_memory("rflo", layer, x, max_bytes)

    def update(tape: Any, A: Influence | None) -> Influence:
        F, strand = step_jacobians(layer, tape)[1], tape.strands[0][0]
        leak: Any = np.zeros_like(strand.s[0, : layer.state_size])
        if isinstance(layer.cell, GRUCell):
            leak = strand.a[0, blocks_of(layer.cell).names.index("z")]
        if strand.mask is not None:
            leak = np.where(strand.mask[0], leak, 1)
        return F if A is None else {name: _scaled(leak.T, A[name]) + part for name, part in F.items()}  # (O6)

    return run_forward(layer, x, dy, state, lengths, dstate, influence, update, dc)


def _scaled(leak: Array, A: Array) -> Array:
    """Multiplies each row of A (B, n, ...) by its unit's leak (B, n)."""
    return leak.reshape(*leak.shape, *[1] * (A.ndim - 2)) * A
