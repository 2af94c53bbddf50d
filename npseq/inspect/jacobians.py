"""Jacobians of the state, the singular values of their products, and Lyapunov exponents."""

from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import integer
from npseq.backend import Array, array_module, generator, to_host
from npseq.bptt.workspace import MAX_BYTES, require
from npseq.layers.batch import check_tape
from npseq.layers.jacobian import at_step, check_one_way, state_features, state_jacobian
from npseq.layers.layer import require_real
from npseq.layers.lengths import packed_order
from npseq.layers.recurrent import Recurrent
from npseq.layers.rnn import RNNCell


class JacobianSpectrum(NamedTuple):
    """Singular values of ds_T/ds_{T-k}, k from 1 to K, T each sequence's own last step; NaN past its first step."""

    singular_values: Array  # (K, B, n), largest first
    norm_product: Array  # (K, B): the product of the single steps' largest ones, an upper bound
    bound: np.ndarray | None  # (K,): (gamma sigma_max(W_hh))^k for a plain RNN of one layer of tanh or ReLU, else None


def state_jacobians(layer: Recurrent, tape: Any, *, max_bytes: int | None = MAX_BYTES) -> Array:
    """Returns J_t = ds_t / ds_{t-1} of every step, (T, B, n, n), [after, before].

    The state is that of the whole stack, h of every layer and then an LSTM's c of every layer; past a sequence's length
    it does not change and J is the identity.

    Args:
        layer: an RNN, GRU or LSTM of one direction.
        tape: what forward returned.
        max_bytes: the most memory it may take, with a MemoryError before it takes more; None is no limit.

    Raises:
        TypeError: if tape is not one of this layer's.
        ValueError: for two directions.

    Example:
        >>> layer = ns.LSTM(2, 3, rng=0)
        >>> tape = layer.forward(np.ones((4, 1, 2), np.float32))[2]
        >>> ns.inspect.state_jacobians(layer, tape).shape
        (4, 1, 6, 6)
    """
    check_one_way(layer, "a state's Jacobian")
    steps, batch = check_tape(tape, layer)
    n = state_features(layer)
    require(
        f"{steps} Jacobians of {n} x {n}",
        (steps + len(layer.cell.gates) + 1) * batch * n * n * layer.dtype.itemsize,
        max_bytes,
        "give fewer sequences or fewer steps",
    )
    J: Array = np.empty_like(layer.params.flat, shape=(steps, batch, n, n))
    for t in range(steps):
        J[t] = state_jacobian(layer, at_step(tape, t))[0]
    return J


def jacobian_spectrum(
    layer: Recurrent, tape: Any, *, max_lag: int | None = None, max_bytes: int | None = MAX_BYTES
) -> JacobianSpectrum:
    """Returns the singular values of the Jacobians' products by lag: what vanishes, what explodes, and how fast.

    The bound of a plain RNN is (gamma sigma_max(W_hh))^k with gamma, the activation's steepest slope, 1 for tanh and
    ReLU (Bengio, Simard & Frasconi 1994; Pascanu, Mikolov & Bengio 2013, arXiv 1211.5063). A singular value below the
    largest times the dtype's epsilon is rounding.

    Args:
        layer: an RNN, GRU or LSTM of one direction.
        tape: what forward returned.
        max_lag: the largest lag; None is all steps.
        max_bytes: the most memory it may take, with a MemoryError before it takes more; None is no limit.

    Raises:
        TypeError: if tape is not one of this layer's.
        ValueError: for two directions, or if max_lag is not a positive integer.

    Example:
        >>> layer = ns.LSTM(2, 3, rng=0)
        >>> tape = layer.forward(np.ones((4, 1, 2), np.float32))[2]
        >>> ns.inspect.jacobian_spectrum(layer, tape, max_lag=2).singular_values.shape
        (2, 1, 6)
    """
    if max_lag is not None:
        max_lag = integer("max_lag", max_lag)
    check_one_way(layer, "a state's Jacobian")
    require_real(layer)
    J = state_jacobians(layer, tape, max_bytes=max_bytes)
    xp = array_module(J)
    steps, batch, n, _ = J.shape
    own, order = _own_steps(tape, steps, batch)
    lags = steps if max_lag is None else min(max_lag, steps)
    values, norms = xp.full((lags, batch, n), np.nan, J.dtype), xp.full((lags, batch), np.nan, J.dtype)
    product, norm = xp.eye(n, dtype=J.dtype), 1.0
    for k in range(lags):
        step = J[order[xp.maximum(own - 1 - k, 0), xp.arange(batch)], xp.arange(batch)]
        product = xp.matmul(product, step)
        norm = norm * xp.linalg.norm(step, 2, axis=(1, 2))
        within = own > k
        values[k] = xp.where(within[:, None], xp.linalg.svd(product, compute_uv=False), np.nan)
        norms[k] = xp.where(within, norm, np.nan)
    return JacobianSpectrum(values, norms, _bound(layer, lags))


def lyapunov_exponents(
    layer: Recurrent,
    tape: Any,
    count: int | None = None,
    *,
    warmup: int = 0,
    rng: int | np.random.Generator | None = 0,
    max_bytes: int | None = MAX_BYTES,
) -> Array:
    """Returns (B, count): the mean logarithmic growth a step of `count` directions of the state, the largest first.

    Q_t R_t = J_t Q_{t-1},  lambda_i = (sum_t log |R_{t,ii}|) / n over a sequence's own n steps from `warmup` on; -inf
    where a direction dies. Above 0 gradients explode, below they vanish (Engelken, Wolf & Abbott 2020, arXiv
    2006.02427; Vogt et al. 2020, arXiv 2006.14123).

    Args:
        layer: an RNN, GRU or LSTM of one direction.
        tape: what forward returned.
        count: the number of directions; None is all features of the state.
        warmup: the number of steps that are not counted.
        rng: a seed or a Generator of the first directions.
        max_bytes: the most memory it may take, with a MemoryError before it takes more; None is no limit.

    Raises:
        TypeError: if tape is not one of this layer's.
        ValueError: for two directions, or if count or warmup does not fit.

    Example:
        >>> layer = ns.LSTM(2, 3, rng=0)
        >>> tape = layer.forward(np.ones((4, 1, 2), np.float32))[2]
        >>> ns.inspect.lyapunov_exponents(layer, tape, count=1).shape
        (1, 1)
    """
    check_one_way(layer, "a state's Jacobian")
    require_real(layer)
    (steps, batch), n, rng = check_tape(tape, layer), state_features(layer), generator(rng)
    count = n if count is None else integer("count", count, below=n + 1)
    warmup = integer("warmup", warmup, 0, max(steps, 1))
    J = state_jacobians(layer, tape, max_bytes=max_bytes)
    xp = array_module(J)
    start = xp.asarray(rng.standard_normal((batch, n, count)).astype(J.dtype))
    Q = xp.linalg.qr(start)[0]
    counted = _mask(tape, steps, batch) & (xp.arange(steps)[:, None] >= warmup)
    total = xp.zeros((batch, count), J.dtype)
    with np.errstate(divide="ignore", invalid="ignore"):
        for t in range(steps):
            Q, R = xp.linalg.qr(xp.matmul(J[t], Q))
            if t >= warmup:
                total = total + xp.where(counted[t][:, None], xp.log(abs(xp.diagonal(R, axis1=1, axis2=2))), 0)
        mean: Array = total / counted.sum(axis=0)[:, None].astype(J.dtype)
        return mean


def _mask(tape: Any, steps: int, batch: int) -> Array:
    """(T, B): which steps each sequence has."""
    strand = tape.strands[0][0]
    mask: Array = array_module(strand.s).ones((steps, batch), bool) if strand.mask is None else strand.mask[:, 0]
    return mask


def _own_steps(tape: Any, steps: int, batch: int) -> tuple[Array, Array]:
    """How many steps each sequence has (B,), and which (T, B), in order, before those that it has not."""
    mask = _mask(tape, steps, batch)
    xp = array_module(mask)
    return mask.sum(axis=0), xp.asarray(packed_order(to_host(mask)))


def _bound(layer: Any, lags: int) -> np.ndarray | None:
    if layer.num_layers > 1 or not isinstance(layer.cell, RNNCell) or layer.cell.nonlinearity not in ("tanh", "relu"):
        return None
    return np.linalg.norm(to_host(layer.params["W_hh"]), 2) ** np.arange(1, lags + 1)
