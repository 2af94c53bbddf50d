"""e-prop: eligibility traces of what each unit keeps by itself, times a learning signal of the present step.

Bellec, Scherr, Subramoney, Hajek, Salaj, Legenstein & Maass 2020, "A solution to the learning dilemma for recurrent
networks of spiking neurons", Nature Communications 11:3625. Derived in docs/derivations/online.md.
"""

from typing import Any

from npseq.backend import Array
from npseq.layers.jacobian import check_one_way
from npseq.layers.recurrent import Recurrent
from npseq.online.influence import LossGradient, Online, refuse_clip
from npseq.online.traces import Traces, run_traces


def eprop(
    layer: Recurrent,
    x: Array,
    dy: Array | LossGradient,
    state: Any = None,
    lengths: Array | None = None,
    dstate: Any = None,
    *,
    influence: Traces | None = None,
    dc: Any = None,
    clip_adjoint: float | None = None,
) -> Online:
    """Computes the gradient that e-prop approximates it by: the h that gates read is held fixed.

    A unit's hidden state, an LSTM's c or a leaky h, keeps a part of itself from step to step, and a parameter's
    eligibility trace follows that part alone. The learning signal is dy: the loss's derivative by the outputs for
    symmetric e-prop, that times a fixed random matrix in the place of the output layer's weights for random e-prop. The
    result is the exact gradient of the losses with the h that products read held fixed: of an LSTM that of
    CarouselTruncation, of a GRU what rflo computes, of a plain RNN Truncated(1). A layer of a stack learns as
    diagonal_rtrl says.

    Args:
        layer: one of one direction, of an RNN, GRU, LSTM or another cell whose parameters act on one unit each.
        x, dy, state, lengths, dstate, dc, clip_adjoint: as rtrl takes them.
        influence: the eligibility traces of an earlier call, {parameter: (B, m, ...)}, to continue that sequence.

    Raises:
        ValueError: if a parameter acts on several units in its step, the layer has two directions, or a shape does not
            fit.

    Example:
        >>> layer, x, dy = ns.LSTM(2, 3, dtype=np.float64, rng=0), np.ones((5, 1, 2)), np.ones((5, 1, 3))
        >>> grads = layer.backward(dy, layer.forward(x)[2], truncation=ns.CarouselTruncation())[2]
        >>> np.allclose(ns.online.eprop(layer, x, dy).grads.flat, grads.flat)
        True
    """
    check_one_way(layer, "eprop")
    refuse_clip("eprop", clip_adjoint)
    return run_traces("eprop", True, layer, x, dy, state, lengths, dstate, influence, dc)
