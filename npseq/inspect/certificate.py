"""A bound on what a truncation leaves out, from the first lags alone: the certificate of adaptive truncation.

Aicher, Foti & Fox 2019 (arXiv 1905.07473); (K19) to (K23) of docs/derivations/truncation.md.
"""

from math import inf
from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import integer, number
from npseq.backend import Array, MaybeArray, array_module, to_host
from npseq.bptt.factors import Factors, contract, strand_factors
from npseq.bptt.workspace import MAX_BYTES, require
from npseq.inspect.ledger import Ledger, check_ledger, check_unchanged
from npseq.inspect.passes import View, adjoints_by_lag, named_factors, views_of
from npseq.layers.jacobian import at_step, state_features, state_jacobian
from npseq.magnitude import joint_norm
from npseq.shown import in_notebooks


@in_notebooks
class Certificate(NamedTuple):
    """The bounds on every Truncated(k), k from 1 to K, the ledger's lags."""

    steps: int | None  # the least k whose relative bias is certain to be as small as wanted, or None
    bias: np.ndarray | None  # (K,): an upper bound on |g_k - g|; None where the assumption does not hold
    relative: MaybeArray  # (K,): the same over |g|; inf where there is no bound
    phi: np.ndarray  # (K,): by lag, the norms of the losses' adjoints, summed over losses and sequences
    largest_use: float  # M: the largest norm of the derivative of a state by the parameters, in one step
    tau: int  # the lag from which phi decays
    beta: float  # the largest factor of that decay
    assumed: bool  # whether the decay is assumed for lags beyond the ledger's
    reason: str  # why no length is certain; "" if one is

    def __repr__(self) -> str:
        head = f"Certificate: M = {self.largest_use:.4g}, tau = {self.tau}, beta = {self.beta:.4g}"
        if self.bias is None or self.relative is None:
            return f"{head}\nnothing is certain: {self.reason}"
        rows = [
            f"  {k:6d} {b:12.4g} {r:12.4g}" for k, (b, r) in enumerate(zip(self.bias, self.relative, strict=True), 1)
        ]
        least = self.reason or f"Truncated({self.steps}) is certain to do"
        least += f", if phi continues to decay so beyond lag {len(self.phi) - 1}" * self.assumed
        return "\n".join([head, least, "  length   bias bound     relative", *rows])


def truncation_certificate(
    ledger: Ledger,
    relative: float = 0.1,
    *,
    tau: int | None = None,
    beta: float | None = None,
    max_bytes: int | None = MAX_BYTES,
) -> Certificate:
    """Bounds the bias of Truncated(k) for every k, and finds the least k that is certain to have the bias wanted.

        phi_k = sum_t |dl_t/ds_{t-k}|,   beta = max_{k >= tau} phi_{k+1} / phi_k
        E_k = M phi_tau beta^(k - tau) / (1 - beta)

    l_t is the loss at step t of one sequence, s the state, which includes an LSTM's c. Where beta is below 1, the bias
    of Truncated(k) is at most E_k for k from tau on, and its norm over the gradient's at most E_k / (|g_k| - E_k);
    before tau the lags up to it are added one by one. Where it is not, the assumption does not hold, there is no
    number, and `reason` tells why.

    A ledger of all lags proves the decay that it has; truncation_bias then has the bias itself, which never exceeds the
    bound. With ledger(..., max_lag=K) the decay is observed in the first K lags and assumed to continue: this is what
    the certificate is made for, and it is as certain as the assumption.

    Args:
        ledger: what npseq.inspect.ledger returned, of one layer in one direction.
        relative: the relative bias wanted.
        tau: the lag where the decay begins; None is the middle of the ledger's lags, so that the second half of them
            determines beta.
        beta: a factor that is known to hold, such as the largest singular value of a plain RNN's W_hh, with which the
            bound needs no assumption; None takes it from the ledger's lags.
        max_bytes: the most memory it may take, with a MemoryError before it takes more; None is no limit.

    Raises:
        ValueError: for a stack, two directions, a ledger of too few lags, or one whose layer or tape have changed.

    Example:
        >>> layer = ns.RNN(2, 3, rng=0)
        >>> y, _, tape = layer.forward(np.ones((8, 1, 2), np.float32))
        >>> ns.inspect.truncation_certificate(ns.inspect.ledger(layer, np.ones_like(y), tape), tau=2).tau
        2
    """
    view, lags = _one_strand(ledger, max_bytes)
    tau = _checked(relative, tau, beta, lags, whole=lags >= view.steps)
    phi = _norms_by_lag(view, ledger, lags)
    ratios = _ratios(phi)
    seen = float(ratios[tau:].max(initial=0))  # (K21)
    beta = seen if beta is None else float(beta)
    M, assumed = _largest_use(view, tuple(ledger.gradient)), lags < view.steps
    if not seen <= beta < 1:
        worst = tau + int(ratios[tau:].argmax())
        reason = (f"phi must decay by a factor below 1, and by beta at least, but at lag {worst + 1} it is {seen:.4g} "
                  f"times that of lag {worst}; inspect.truncation_bias has the bias of this ledger's lags")  # fmt: skip
        return Certificate(None, None, None, phi, M, tau, beta, assumed, reason)
    bias = M * _tails(phi, tau, beta)
    bound = _relative(bias, _head_norms(ledger))
    good = np.flatnonzero(bound <= relative)
    reason = "" if good.size else f"no length up to {lags} is certain to have a relative bias of {relative:g}"
    return Certificate(int(good[0]) + 1 if good.size else None, bias, bound, phi, M, tau, beta, assumed, reason)


def _one_strand(ledger: Any, max_bytes: int | None) -> tuple[View, int]:
    if check_ledger(ledger).of is None:
        raise ValueError("the ledger must hold what it is of, as ledger(...) makes it without dc and clip_adjoint")
    layer, dy, tape, dstate = ledger.of
    if getattr(layer, "directions", 2) != 1 or layer.num_layers != 1:
        raise ValueError(
            f"a certificate is for one layer in one direction, got {layer}: elsewhere a lag counts edges in several "
            "places and belongs to no one loss; inspect.truncation_bias has the exact bias of any layer"
        )
    (view,), lags = views_of(layer, tape, dy, dstate), len(next(iter(ledger.per_lag.values())))
    if lags < min(3, view.steps):
        raise ValueError(f"a decay shows in 3 lags or more, got a ledger of {lags}; give a larger max_lag")
    n = state_features(layer)
    per_column = (len(layer.cell.gates) + 1) * layer.hidden_size + 2 * n
    needed = max(view.steps * lags, n) * view.batch * per_column * layer.dtype.itemsize
    require("this certificate", needed, max_bytes, "give a ledger of a smaller max_lag, or of fewer sequences")
    return view, lags


def _checked(relative: Any, tau: Any, beta: Any, lags: int, whole: bool) -> int:
    """tau, or its default. whole: the ledger holds all lags, so that none has to be bounded by their decay."""
    if not number("relative", relative) > 0:
        raise ValueError(f"relative must be a positive number, the relative bias wanted, got {relative!r}")
    if beta is not None and not 0 <= number("beta", beta) < 1:
        raise ValueError(f"beta must be a factor in [0, 1) by which phi decays a lag, got {beta!r}")
    if tau is None:
        return (lags - 1) // 2
    known = whole or beta is not None
    last = lags - 1 if known else lags - 2
    if not 0 <= integer("tau", tau, -inf) <= last:
        remedy = "" if known else "; after it a decay must be seen: give a larger max_lag, or a beta that you know"
        raise ValueError(f"tau must be a lag of the ledger's, 0 to {last}, got {tau!r}{remedy}")
    return int(tau)


def _norms_by_lag(view: View, ledger: Ledger, lags: int) -> np.ndarray:
    """phi (K19); in one strand the adjoint of lag k at a step comes from one loss, k steps later."""
    total: Any = array_module(view.dh).zeros(lags)

    def record(strand: int) -> Any:
        def add(t: int, dh: Array, dc: Array | None) -> None:
            nonlocal total
            total = total + joint_norm([part for part in (dh, dc) if part is not None], 0).sum(axis=1)

        return add

    rows = adjoints_by_lag(view, lags, record)
    found = named_factors(view, rows, tuple(ledger.gradient)).items()
    check_unchanged(ledger, joint_norm(contract(f, "k") - ledger.per_lag[name] for name, f in found), ledger.per_lag)
    return to_host(total)


def _ratios(phi: np.ndarray) -> np.ndarray:
    """(K - 1,): phi_{k+1} over phi_k; 0 where nothing is left."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(phi[1:] > 0, phi[1:] / phi[:-1], 0)


def _tails(phi: np.ndarray, tau: int, beta: float) -> np.ndarray:
    """(K,): the largest sum of phi from lag k on, k from 1 to K (K22); lags before tau are known."""
    lengths = np.arange(1, len(phi) + 1)
    known = phi[:tau].sum() - np.concatenate([[0.0], np.cumsum(phi[:tau])])[np.minimum(lengths, tau)]
    tails: np.ndarray = known + phi[tau] * beta ** np.maximum(lengths - tau, 0).astype(float) / (1 - beta)
    return tails


def _relative(bias: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """(K23), inf where the truncated gradient is no larger than the bound."""
    least = heads - bias  # what |g| cannot fall below
    return np.where(least > 0, bias / np.where(least > 0, least, 1), np.inf)


def _head_norms(ledger: Ledger) -> np.ndarray:
    """(K,): |g_k| of every Truncated(k), k from 1 to K."""
    heads = [part.cumsum(axis=0).reshape(len(part), -1).astype(np.float64) for part in ledger.per_lag.values()]
    return to_host(joint_norm(heads, 1))


def _largest_use(view: View, names: tuple[str, ...]) -> float:
    """M (K20): the largest singular value of ds_t/dtheta in step t alone, over all steps and sequences."""
    layer, largest = view.layer, 0.0
    w = layer.weights(0, 0)
    for t in range(view.steps):
        one = at_step(view.tape, t)
        found = strand_factors(layer.cell, w, one.strands[0][0], state_jacobian(layer, one)[1][0][0])
        gram = _gram([f for name, f in found.items() if name in names])
        bounds = to_host(abs(gram).sum(axis=2).max(axis=1))  # no eigenvalue passes the largest row
        for b in np.argsort(-bounds):
            if bounds[b] <= largest:
                break
            largest = max(largest, float(array_module(gram).linalg.svd(gram[int(b)], compute_uv=False)[0]))
    return float(np.sqrt(largest))


def _gram(uses: list[Factors]) -> Array:
    """(B, n, n): A A^T, A (B, n, .) the derivative of the state features by these parameters in one step."""
    shared: dict[int, tuple[Array, Any]] = {}  # the parameters of one gate have one adjoint
    for f in uses:
        squares = 1 if f.operand is None or f.rows else (f.operand[:, 0].astype(np.float64) ** 2).sum(axis=0)
        shared[id(f.adjoint)] = f.adjoint, squares + shared.get(id(f.adjoint), (None, 0))[1]
    total: Any = 0
    for adjoint, squares in shared.values():
        columns = adjoint[:, 0].astype(np.float64).transpose(2, 1, 0)  # (B, n, C)
        gram = np.matmul(columns, columns.swapaxes(1, 2))
        total = total + (gram * squares if isinstance(squares, int) else gram * squares[:, None, None])
    found: Array = total
    return found
