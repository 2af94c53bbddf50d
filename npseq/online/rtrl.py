"""Real-time recurrent learning (RTRL) computes the exact gradient forward in time.

Williams & Zipser 1989, "A learning algorithm for continually running fully recurrent neural networks".
"""

from typing import Any

from npseq.backend import Array
from npseq.bptt.workspace import MAX_BYTES
from npseq.layers.jacobian import check_one_way
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


def rtrl(
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
    """Computes the gradient by real-time recurrent learning: that of backward, but forward in time.

    It needs B * n numbers for every parameter, with n state features. Dropout does not act.

    Args:
        layer: an RNN, GRU or LSTM of one direction and any depth.
        x: (T, B, D), or token ids (T, B), as forward takes them.
        dy: (T, B, P), or a function of the step t and its output (B, P), for losses that are known only then.
        state: the initial state, as forward takes it; None is zeros.
        lengths: (B,), or a mask (T, B), as forward takes them; None is T for all.
        dstate: the loss's derivative by the last state, as backward takes it.
        influence: the influence of an earlier call, {parameter: (B, n, ...)}, to continue that sequence; None means
            that the initial state does not depend on the parameters.
        dc: the loss's derivative by every c_t, as backward takes it.
        clip_adjoint: None; the clamp of backward needs the losses to come.
        max_bytes: the memory allowed; None is no limit.

    Raises:
        MemoryError: before anything is computed, if more than max_bytes is needed.
        ValueError: if the layer has two directions, or a shape does not fit.

    Example:
        >>> layer, x, dy = ns.GRU(2, 3, dtype=np.float64, rng=0), np.ones((5, 1, 2)), np.ones((5, 1, 3))
        >>> tape = layer.forward(x)[2]
        >>> np.allclose(ns.rtrl(layer, x, dy).grads.flat, layer.backward(dy, tape)[2].flat)
        True
    """
    check_one_way(layer, "rtrl")
    refuse_clip("rtrl", clip_adjoint)
    require_memory("rtrl", layer, x, max_bytes)

    def update(tape: Any, S: Influence | None) -> Influence:
        J, F = step_jacobians(layer, tape)
        return F if S is None else {name: multiply(J, S[name]) + part for name, part in F.items()}

    return run_forward(layer, x, dy, state, lengths, dstate, influence, update, dc)
