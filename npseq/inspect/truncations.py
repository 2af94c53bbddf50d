"""The bias or variance of truncations, exact, from a ledger and for every length at once."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import amount, function, number, share
from npseq.backend import Array, array_module, to_host
from npseq.bptt.truncation import check_keep, survivals
from npseq.bptt.workspace import MAX_BYTES
from npseq.inspect.ledger import Ledger, check_ledger, check_unchanged
from npseq.inspect.noise import through_edges
from npseq.inspect.passes import views_of
from npseq.magnitude import joint_norm
from npseq.shown import in_notebooks


@in_notebooks
class Bias(NamedTuple):
    """The difference of a gradient g' from the gradient g: numbers, or arrays over a truncation's lengths 1 to K."""

    norm: Any  # |g' - g|
    relative: Any  # |g' - g| / |g|
    cosine: Any  # of the angle between g' and g

    def __repr__(self) -> str:
        rows = zip(*(np.atleast_1d(part) for part in self), strict=True)
        lines = [f"  {k + 1:6d} {n:12.4g} {r:12.4g} {c:12.6f}" for k, (n, r, c) in enumerate(rows)]
        return "\n".join(["  length   bias norm     relative       cosine", *lines])


def bias_of(apart: Any, whole: Any, cosine: Any) -> Bias:
    """From the norms of g' - g and of g, and the cosine of the angle between g' and g."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return Bias(apart, np.divide(apart, whole), cosine)


def cosine_of(others: list[Array], wholes: list[Array]) -> Array:
    """(K,): of the angles between each g', in parts (K, .), and g, in parts (.,); NaN where one of them is zero."""
    size, size_of_other = joint_norm(wholes), joint_norm(others, 1)
    units = [part / (size_of_other + (size_of_other == 0))[:, None] for part in others]
    found = sum((unit * (part / (size + (size == 0)))).sum(axis=1) for unit, part in zip(units, wholes, strict=True))
    return np.where((size_of_other > 0) & (size > 0), found, np.nan)


def truncation_bias(ledger: Ledger) -> Bias:
    """Returns the bias of Truncated(k) for k = 1 to K, the ledger's lags: its norm, relative norm, and a cosine.

    With G_l the lags: g_k = sum_{l < k} G_l, so that g_k - g = -sum_{l >= k} G_l. Williams & Peng 1990, BPTT(h).

    Args:
        ledger: what npseq.inspect.ledger returned.

    Example:
        >>> layer = ns.LSTM(3, 4, rng=0)
        >>> y, _, tape = layer.forward(np.ones((5, 2, 3), np.float32))
        >>> ns.inspect.truncation_bias(ns.inspect.ledger(layer, np.ones_like(y), tape)).relative.shape
        (5,)
    """
    tails = tail_norms(check_ledger(ledger))
    wholes = [gradient.reshape(-1) for gradient in ledger.gradient.values()]
    heads = [part.cumsum(axis=0).reshape(len(part), -1) for part in ledger.per_lag.values()]
    return bias_of(tails[1:], float(joint_norm(wholes)), to_host(cosine_of(heads, wholes)))


def _tails(ledger: Ledger, name: str) -> Array:
    """(K + 1, size): the sum of all lags from k on, for k from 0 to K."""
    xp = array_module(ledger.longer[name])
    parts = [ledger.per_lag[name], ledger.longer[name][None]]
    tails: Array = xp.concatenate(parts)[::-1].cumsum(axis=0)[::-1].reshape(len(parts[0]) + 1, -1)
    return tails


def tail_norms(ledger: Ledger) -> np.ndarray:
    """Returns the norm of the sum of all lags from k on, (K + 1,); at k = 0 that is the norm of the gradient.

    Args:
        ledger: what npseq.inspect.ledger returned.

    Example:
        >>> layer = ns.RNN(2, 3, rng=0)
        >>> y, _, tape = layer.forward(np.ones((4, 1, 2), np.float32))
        >>> ns.inspect.tail_norms(ns.inspect.ledger(layer, 0 * y, tape))
        array([0., 0., 0., 0., 0.], dtype=float32)
    """
    names = check_ledger(ledger).gradient
    return to_host(joint_norm([_tails(ledger, name) for name in names], 1))


def random_truncation_variance(ledger: Ledger, keep: float | np.ndarray, *, max_bytes: int | None = MAX_BYTES) -> float:
    """Returns E |g' - g|^2 of RandomTruncation(keep), exact; every layer and direction draws independently.

    A ledger with crossing norms, of one layer in one or both directions, has it in closed form. With xi = 1 + eta the
    estimator is a sum over all sets A of recurrent edges of prod eta, times what crosses every edge in A; the terms are
    uncorrelated, and what crosses A is what crosses its first and its last. So, v = 1 / keep - 1,

        variance = sum_i v_i W_ii^2 + sum_{i<j} v_i v_j W_ij^2 prod_{i<k<j} (1 + v_k)

    with W_ij = `ledger.crossing_norms`. It equals (K11) of docs/derivations/truncation.md (Tallec & Ollivier 2017,
    arXiv 1705.08209, have the estimator). In a stack, or without crossing norms, a set of edges has a first and a last
    in every layer and direction, too many for a table; there the same sum is computed edge by edge, from the second
    moments of the adjoints: see (K14) and npseq/inspect/noise.py.

    Args:
        ledger: what npseq.inspect.ledger returned.
        keep: one probability, or one a step (T,), in every strand's own order of time.
        max_bytes: the most memory a stack may take, with a MemoryError before it takes more; None is no limit.

    Raises:
        ValueError: if keep is not a probability, or the layer or its tape have changed since the ledger was made.

    Example:
        >>> layer = ns.RNN(2, 3, rng=0)
        >>> y, _, tape = layer.forward(np.ones((4, 1, 2), np.float32))
        >>> ns.inspect.random_truncation_variance(ns.inspect.ledger(layer, np.ones_like(y), tape), keep=1.0)
        0.0
    """
    steps = len(next(iter(check_ledger(ledger).per_step.values())))
    keep = check_keep(keep)
    if keep.shape not in ((), (steps,)):
        raise ValueError(f"keep must be a probability in (0, 1], or one a step ({steps},), got {len(keep)}")
    keep = np.broadcast_to(keep, steps)
    if ledger.crossing_norms is None:
        return _edge_by_edge(ledger, keep, max_bytes)
    squares = to_host(ledger.crossing_norms).astype(np.float64) ** 2
    v = 1 / keep - 1
    between = np.concatenate([[0.0], np.cumsum(-np.log(keep))])  # log of prod (1 + v)
    i, j = np.triu_indices(steps, 1)
    with np.errstate(over="ignore"):
        weights = v[i] * v[j] * np.exp(between[j] - between[i + 1])
    crossed = squares[:, i, j]
    pairs = np.where(crossed > 0, weights, 0) * crossed
    return float((v * squares.diagonal(axis1=1, axis2=2)).sum() + pairs.sum())


def _edge_by_edge(ledger: Ledger, keep: np.ndarray, max_bytes: int | None) -> float:
    """Summed over the views, which share no parameter and no draw."""
    if ledger.of is None:
        raise ValueError(
            "the ledger must hold crossing norms or what it is of, as ledger(...) makes it without dc and clip_adjoint"
        )
    layer, dy, tape, dstate = ledger.of
    names = tuple(ledger.gradient)
    noisy = [through_edges(view, keep, names, max_bytes) for view in views_of(layer, tape, dy, dstate)]
    mean = {name: part for one in noisy for name, part in one.mean.items()}
    check_unchanged(ledger, joint_norm(mean[name] - part for name, part in ledger.gradient.items()), ledger.gradient)
    return sum(one.variance for one in noisy)


def roulette_variance(ledger: Ledger, survival: Callable[[int], float]) -> float:
    """Returns E |g' - g|^2 of RouletteTruncation(survival), in closed form, from a ledger of all lags.

    sum_{k,l} <G_k, G_l> (1 / Q(min(k, l)) - 1), which is sum_{k>=1} (1 / Q(k) - 1 / Q(k - 1)) |B_k|^2 with the bias B_k
    of Truncated(k): every length's bias, weighted. Beatson & Adams 2019 (arXiv 1905.07006).

    Args:
        ledger: what npseq.inspect.ledger returned without max_lag.
        survival: k -> the probability Q(k) that the drawn length exceeds k.

    Raises:
        ValueError: if lags are missing, or survival does not start at 1, rises, or reaches 0.

    Example:
        >>> layer = ns.RNN(2, 3, rng=0)
        >>> y, _, tape = layer.forward(np.ones((4, 1, 2), np.float32))
        >>> ns.inspect.roulette_variance(ns.inspect.ledger(layer, np.ones_like(y), tape), lambda k: 1.0)
        0.0
    """
    squares = _all_tails(ledger)
    Q = survivals(function("survival", survival), len(squares))
    return float((np.diff(1 / Q) * squares[1:]).sum())


def expected_lags(survival: Callable[[int], float], lags: int) -> float:
    """Returns E N = sum_k P(N > k), the mean number of lags that a roulette with this survival computes.

    Args:
        survival: k -> the probability that the drawn length exceeds k.
        lags: how many there are.

    Example:
        >>> ns.inspect.expected_lags(lambda k: 0.5**k, 3)
        1.75
    """
    function("survival", survival)
    return sum(share(f"survival({k})", survival(k)) for k in range(amount("lags", lags)))


def best_survival(ledger: Ledger, cost: float) -> Callable[[int], float]:
    """Returns the survival of least variance among those that compute `cost` lags on average.

    The variance is sum_k a_k / Q(k) - |g|^2 with a_k = |B_k|^2 - |B_{k+1}|^2. Without the order Q(k) ~ sqrt(a_k); Q
    must not rise, so neighbours out of order share their mean a (isotonic regression: Barlow & Brunk 1972), and must
    not pass 1. Beyond the last lag that counts nothing can be lost; Q is a thousandth of the smallest before it there.

    Args:
        ledger: what npseq.inspect.ledger returned without max_lag.
        cost: the mean number of lags, above 1 and at most K.

    Raises:
        ValueError: if cost is out of range or lags are missing.

    Example:
        >>> layer = ns.RNN(2, 3, dtype=np.float64, rng=0)
        >>> ledger = ns.inspect.ledger(layer, np.ones((4, 1, 3)), layer.forward(np.ones((4, 1, 2)))[2])
        >>> round(ns.inspect.expected_lags(ns.inspect.best_survival(ledger, cost=2), 4), 6)
        2.0
    """
    squares = _all_tails(ledger)
    lags = len(squares)
    if not 1 < number("cost", cost) <= lags:
        raise ValueError(f"cost must be above 1, the step's own lag, and at most {lags}, the ledger's, got {cost}")
    scales = np.sqrt(_never_rising(squares[1:] - np.append(squares[2:], 0)))
    Q = np.concatenate([[1.0], _up_to_one(scales, cost - 1)])
    return lambda k: float(Q[min(k, lags - 1)])


def _all_tails(ledger: Ledger) -> np.ndarray:
    """(K,): squared norms of the sums of all lags from k on."""
    if any(bool((part != 0).any()) for part in check_ledger(ledger).longer.values()):
        raise ValueError("the ledger must tell all lags apart: ledger(..., max_lag=None)")
    return tail_norms(ledger)[:-1].astype(np.float64) ** 2


def _never_rising(values: np.ndarray) -> np.ndarray:
    """The nearest sequence that does not rise: neighbours out of order become their mean."""
    runs: list[tuple[float, int]] = []
    for value in values:
        runs.append((float(value), 1))
        while len(runs) > 1 and runs[-1][0] > runs[-2][0]:
            (a, m), (b, n) = runs.pop(), runs.pop()
            runs.append(((a * m + b * n) / (m + n), m + n))
    return np.array([max(mean, 0.0) for mean, count in runs for _ in range(count)])


def _up_to_one(scales: np.ndarray, total: float) -> np.ndarray:
    """The scales times one factor, but at most 1, that sum to `total`; scales do not rise."""
    for full in range(len(scales) + 1):
        rest = scales[full:].sum()
        share = (total - full) / rest if rest > 0 else 0.0
        if full == len(scales) or share * scales[full] <= 1:
            Q = np.concatenate([np.ones(full), share * scales[full:]])
            break
    positive = Q[Q > 0]
    return np.where(Q > 0, Q, 1e-3 * (positive.min() if positive.size else 1.0))
