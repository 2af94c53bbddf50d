"""Optimal Kronecker-sum RTRL (OK) estimates the gradient without bias, with the least variance of r products.

    sum_i u_i (x) A_i = sum_i sigma_i p_i (x) Q_i        by a singular value decomposition, sigma_0 >= sigma_1 >= ...

The k largest are kept as they are, and the others mixed into r - k by random signs. Benzing, Gauy, Mujika, Martinsson &
Steger 2019, "Optimal Kronecker-sum approximation of real time recurrent learning", arXiv 1902.03993. Derived in
docs/derivations/online.md.
"""

from math import prod
from typing import Any

import numpy as np

from npseq.arguments import amount
from npseq.backend import Array, array_module, to_host
from npseq.layers.recurrent import Recurrent
from npseq.online.influence import LossGradient, Online
from npseq.online.kronecker import Products, run_kronecker

MOST = 1 << 10  # products; a sequence of as many steps needs no more


def ok(
    layer: Recurrent,
    x: Array,
    dy: Array | LossGradient,
    state: Any = None,
    lengths: Array | None = None,
    dstate: Any = None,
    *,
    rank: int = 1,
    influence: list[Products] | None = None,
    dc: Any = None,
    clip_adjoint: float | None = None,
    rng: int | np.random.Generator | None = None,
    signs: Array | None = None,
) -> Online:
    """Estimates the gradient without bias by the optimal Kronecker-sum approximation of RTRL, with r products.

    Of all unbiased random sums of r Kronecker products for the r + 1 that a step makes, it is the one with the least
    variance. With as many products as steps nothing is drawn, and the result is RTRL's.

    Args:
        layer: as kf_rtrl takes it.
        x, dy, state, lengths, dstate, dc, clip_adjoint: as rtrl takes them.
        rank: r, how many products are kept.
        influence: the influence of an earlier call of the same rank, to continue that sequence.
        rng: a seed or Generator for the signs.
        signs: (T, L, B, r + 1) of +-1, to use in place of random ones.

    Raises:
        ValueError: as kf_rtrl, or if rank is no positive integer up to 1024.

    Example:
        >>> layer, x, dy = ns.GRU(2, 3, dtype=np.float64, rng=0), np.ones((5, 1, 2)), np.ones((5, 1, 3))
        >>> exact = layer.backward(dy, layer.forward(x)[2])[2].flat
        >>> [np.allclose(ns.online.ok(layer, x, dy, rank=r, rng=0).grads.flat, exact) for r in (1, 5)]
        [False, True]
    """
    rank = amount("rank", rank, most=MOST)
    return run_kronecker(
        "ok", optimal, rank, layer, x, dy, state, lengths, dstate, influence, dc, clip_adjoint, rng, signs
    )


def optimal(u: Array, A: Array, signs: Array) -> Products:
    """r products (B, r, .) of r + 1, with the same mean over the signs, and the least variance.

    A sequence whose influence is not finite has products of nan.
    """
    xp, (batch, count, _) = array_module(u), u.shape
    left, right = (_basis(part.reshape(batch, count, prod(part.shape[2:]))) for part in (u, A))
    core = np.einsum("bir,bjr->bij", left[1], right[1])
    finite = xp.isfinite(core).all(axis=(1, 2))[:, None, None]
    P, sigma, Q = xp.linalg.svd(np.where(finite, core, 0), full_matrices=False)  # of nan it has no result
    mix = np.zeros((batch, sigma.shape[1], count - 1), sigma.dtype)
    for b, (own, drawn) in enumerate(zip(to_host(sigma), to_host(signs), strict=True)):
        mix[b] = mixing(own, drawn, count - 1)
    new = [np.einsum("bki,bir->brk", q, xp.asarray(mix)) for q in (left[0] @ P, right[0] @ Q.swapaxes(1, 2))]
    new = [np.where(finite, part, np.nan) for part in new]
    return new[0].astype(u.dtype), new[1].reshape(batch, count - 1, *A.shape[2:]).astype(A.dtype)


def _basis(vectors: Array) -> tuple[Array, Array]:
    """Q (B, N, k) and R (B, k, r + 1) of the vectors (B, r + 1, N)."""
    Q, R = array_module(vectors).linalg.qr(vectors.swapaxes(1, 2))
    return Q, R


def mixing(sigma: np.ndarray, signs: np.ndarray, r: int) -> np.ndarray:
    """Z (m, r) with E Z Z^T = diag(sigma), sigma (m,) falling, m <= r + 1: (O12) and (O13)."""
    m, Z = len(sigma), np.zeros((len(sigma), r))
    if m <= r or not sigma[r] > np.finfo(sigma.dtype).eps * sigma[0]:  # rounding, which mixed would be its square root
        k = min(m, r)
        Z[np.arange(k), np.arange(k)] = np.sqrt(sigma[:k])
        return Z
    tail = np.cumsum(sigma[::-1])[::-1]
    k = next(k for k in range(r) if (r - k) * sigma[k] <= tail[k])
    z = np.sqrt(np.maximum(1 - (r - k) * sigma[k:] / tail[k], 0))  # (O12)
    Z[np.arange(k), np.arange(k)] = np.sqrt(sigma[:k])
    Z[k:, k:] = np.sqrt(tail[k] / (r - k)) * signs[k:, None] * _complement(z)  # (O13)
    return Z


def _complement(z: np.ndarray) -> np.ndarray:
    """(N, N - 1): orthonormal columns that are orthogonal to a unit vector; a reflection takes z to the first axis."""
    w = z.copy()
    w[0] += np.copysign(1.0, w[0])
    columns: np.ndarray = (np.eye(len(z)) - 2 * np.outer(w, w) / (w @ w))[:, 1:]
    return columns
