"""RTRL in linear memory, where the units of a layer do not read each other: m traces a parameter.

Zucchet, Meier, Schug, Mujika & Sacramento 2023, "Online learning of long-range dependencies", arXiv 2305.19044; for
one recurrent weight a unit Mozer 1989. Derived in docs/derivations/online.md.
"""

from typing import Any

from npseq.backend import Array
from npseq.layers.jacobian import check_one_way
from npseq.layers.recurrent import Recurrent
from npseq.online.influence import LossGradient, Online, refuse_clip
from npseq.online.traces import Traces, run_traces


def diagonal_rtrl(
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
    """Computes the gradient by RTRL with m numbers a parameter, for cells whose units do not read each other.

    In an IndRNN, a minGRU or a minLSTM a unit has m = 1 number, in an LRU m = 2, and what a parameter does stays within
    its unit: RTRL's influence is zero elsewhere. Of one layer the result is the gradient of backward, exactly. Of a
    stack it is exact for the last layer; below, a loss reaches a layer through the layers above in its own step alone,
    as in the paper, and paths that go up and then on in time are left out.

    Args:
        layer: one of one direction, of such a cell.
        x, dy, state, lengths, dstate, dc, clip_adjoint: as rtrl takes them.
        influence: the traces of an earlier call, {parameter: (B, m, ...)}, to continue that sequence.

    Raises:
        ValueError: if units read each other, the layer has two directions, or a shape does not fit.

    Example:
        >>> layer = ns.Recurrent(ns.gallery.MinGRUCell(), 2, 3, dtype=np.float64, rng=0)
        >>> x, dy = np.ones((5, 1, 2)), np.ones((5, 1, 3))
        >>> grads = layer.backward(dy, layer.forward(x)[2])[2]
        >>> np.allclose(ns.online.diagonal_rtrl(layer, x, dy).grads.flat, grads.flat)
        True
    """
    check_one_way(layer, "diagonal_rtrl")
    refuse_clip("diagonal_rtrl", clip_adjoint)
    return run_traces("diagonal_rtrl", False, layer, x, dy, state, lengths, dstate, influence, dc)
