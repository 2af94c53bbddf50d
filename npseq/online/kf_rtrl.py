"""Kronecker-factored RTRL estimates the gradient without bias: the influence is one Kronecker product.

    p_0 = sqrt(|J A| / |u|),   p_1 = sqrt(|D| / |v|)
    u <- s_0 p_0 u + s_1 p_1 v,   A <- s_0 J A / p_0 + s_1 D / p_1

Mujika, Meier & Steger 2018, arXiv 1805.10842. Derived in docs/derivations/online.md.
"""

from typing import Any

import numpy as np

from npseq.backend import Array, array_module
from npseq.layers.recurrent import Recurrent
from npseq.magnitude import norm
from npseq.online.influence import LossGradient, Online
from npseq.online.kronecker import Products, run_kronecker


def kf_rtrl(
    layer: Recurrent,
    x: Array,
    dy: Array | LossGradient,
    state: Any = None,
    lengths: Array | None = None,
    dstate: Any = None,
    *,
    influence: list[Products] | None = None,
    dc: Any = None,
    clip_adjoint: float | None = None,
    rng: int | np.random.Generator | None = None,
    signs: Array | None = None,
) -> Online:
    """Estimates the gradient without bias by Kronecker-factored RTRL: a vector and a matrix a layer and sequence.

    RTRL's influence of a layer's weights is kept as one Kronecker product u (x) A, of K + n M numbers, K of [h, 1, x],
    n of the state and M of pre-activations, where RTRL has n K M. A step adds another, and random signs s make one of
    both whose mean is their sum. Its variance is far below uoro's, since only two products are mixed.

    Args:
        layer: of one direction and any depth, of a cell without a second product and vectors: an RNN, a GRU with
            reset="after", an LSTM without peepholes and projection.
        x, dy, state, lengths, dstate, dc, clip_adjoint: as rtrl takes them.
        influence: the influence of an earlier call, a list of (u, A) a layer, to continue that sequence.
        rng: a seed or Generator for the signs.
        signs: (T, L, B, 2) of +-1, to use in place of random ones.

    Raises:
        ValueError: if the layer has two directions or other parameters, or a shape does not fit.

    Example:
        >>> layer, x, dy = ns.GRU(2, 3, dtype=np.float64, rng=0), np.ones((2, 1, 2)), np.ones((2, 1, 3))
        >>> exact = layer.backward(dy, layer.forward(x)[2])[2].flat
        >>> one, other = (np.array([[[[1.0, 1]]], [[[1, sign]]]]) for sign in (1, -1))
        >>> mean = sum(ns.online.kf_rtrl(layer, x, dy, signs=signs).grads.flat for signs in (one, other)) / 2
        >>> np.allclose(mean, exact)
        True
    """
    return run_kronecker(
        "kf_rtrl", mixed, 1, layer, x, dy, state, lengths, dstate, influence, dc, clip_adjoint, rng, signs
    )


def mixed(u: Array, A: Array, signs: Array) -> Products:
    """One product (B, 1, .) of two, (B, 2, .), with the same mean over the signs (O10) (O11)."""
    p = _balance(norm(A, (2, 3)), norm(u, 2))
    inverse = np.where(p > 0, 1 / (p + (p == 0)), 0)
    first = np.einsum("br,brk->bk", signs * p, u)
    return first[:, None], np.einsum("br,brnm->bnm", signs * inverse, A)[:, None]


def _balance(numerator: Array, denominator: Array) -> Array:
    """p (B, 2), the square roots of the quotients; 0 for a product that is 0."""
    xp, both = array_module(numerator), (numerator > 0) & (denominator > 0)
    ratio = xp.sqrt(numerator) / xp.sqrt(denominator + (denominator == 0))
    found: Array = xp.where(both, ratio, 0).astype(numerator.dtype)
    return found
