"""How much a truncation can leave out at most, from the first lags alone: adaptive truncation's certificate.

Aicher, Foti & Fox 2019 (arXiv 1905.07473); (K19) to (K23) of docs/derivations/truncation.md.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import number
from npseq.backend import Array, array_module, to_host
from npseq.bptt.factors import Factors, contract, strand_factors
from npseq.bptt.workspace import MAX_BYTES, require
from npseq.inspect.ledger import Ledger
from npseq.inspect.passes import Side, by_lag, named_factors, sides
from npseq.layers.jacobian import at_step, state_features, state_jacobian


class Certificate(NamedTuple):
    """What is certain of every Truncated(k), k from 1 to K, the ledger's lags."""

    steps: int | None  # the least k whose relative bias is certain to be what was wanted; None where there is none
    bias: np.ndarray | None  # (K,): what |g_k - g| cannot pass; None where the assumption does not hold
    relative: np.ndarray | None  # (K,): the same over |g|; inf where the bound says nothing of it
    phi: np.ndarray  # (K,): by lag, the norms of the losses' adjoints, summed over losses and sequences
    largest_use: float  # M: the largest norm of what the parameters do to the state in one step
    tau: int  # the lag from which phi decays
    beta: float  # by this factor a lag, at most
    assumed: bool  # whether there are lags beyond the ledger's, of which the decay is assumed
    reason: str  # why no length is certain; "" where one is

    def __repr__(self) -> str:
        head = f"Certificate: M = {self.largest_use:.4g}, tau = {self.tau}, beta = {self.beta:.4g}"
        if self.bias is None or self.relative is None:
            return f"{head}\n  nothing is certain: {self.reason}"
        rows = [
            f"  {k:6d} {b:12.4g} {r:12.4g}" for k, (b, r) in enumerate(zip(self.bias, self.relative, strict=True), 1)
        ]
        least = self.reason or f"Truncated({self.steps}) is certain to do"
        least += f", if phi goes on to decay so beyond lag {len(self.phi) - 1}" * self.assumed
        return "\n".join([head, f"  {least}", "  length   bias bound     relative", *rows])


def truncation_certificate(
    ledger: Ledger,
    relative: float = 0.1,
    tau: int | None = None,
    beta: float | None = None,
    *,
    max_bytes: int | None = MAX_BYTES,
) -> Certificate:
    """A bound on the bias of Truncated(k) for every k, and the least k that is sure to have a relative bias in bounds.

        phi_k = sum_t |dl_t/ds_{t-k}|,   beta = max_{k >= tau} phi_{k+1} / phi_k
        E_k = M phi_tau beta^(k - tau) / (1 - beta)

    l_t is the loss at step t of one sequence, s the state, an LSTM's c in it. Where beta is below 1, the bias of
    Truncated(k) is at most E_k for k from tau on, and its norm over the gradient's at most E_k / (|g_k| - E_k); before
    tau the lags up to it are added one by one. Where it is not, the assumption does not hold and no number is given:
    `reason` says so.

    A ledger of all lags proves the decay that it has; truncation_bias then has the bias itself, which the bound never
    undercuts. With ledger(..., max_lag=K) the decay is seen in the first K lags, and assumed to go on: that is what the
    certificate is for, and it is as certain as the assumption. ledger: of one layer, in one direction. relative: the
    wanted relative bias. tau: where the decay begins; None is the middle of the ledger's lags, so that beta is seen in
    the second half of them. beta: None takes it from the ledger's lags; a number is one that is known to hold, such as
    the largest singular value of a plain RNN's W_hh, with which the bound needs no assumption.
    Raises ValueError for a stack, two directions, a ledger of too few lags, or one whose layer or tape have changed;
    TypeError for what is no ledger; MemoryError before adjoints are allocated that would pass max_bytes.
    """
    side, lags = _one_strand(ledger, max_bytes)
    if not number("relative", relative) > 0:
        raise ValueError(f"relative must be a positive number, the relative bias wanted, got {relative!r}")
    phi = _norms_by_lag(side, ledger, lags)
    ratios = _ratios(phi)
    tau = (lags - 1) // 2 if tau is None else _checked_tau(tau, lags, all_of_it=lags >= side.steps or beta is not None)
    seen = float(ratios[tau:].max(initial=0))  # (K21)
    beta = seen if beta is None else _checked_beta(beta)
    M, assumed = _largest_use(side, tuple(ledger.gradient)), lags < side.steps
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


def _one_strand(ledger: Any, max_bytes: int | None) -> tuple[Side, int]:
    if not isinstance(ledger, Ledger):
        raise TypeError(f"ledger must be what inspect.ledger returned, got {type(ledger).__name__}")
    if ledger.of is None:
        raise ValueError("the ledger must hold what it is of, as ledger(...) makes it")
    layer, dy, tape, dstate = ledger.of
    if getattr(layer, "directions", 2) != 1 or layer.num_layers != 1:
        raise ValueError(
            f"a certificate is for one layer in one direction, got {layer}: elsewhere a lag counts carries in several "
            "places, and no one loss stands behind it; inspect.truncation_bias has the exact bias of any layer"
        )
    if layer.dtype.kind != "f":
        raise TypeError(f"the ledger's layer must be real, got {layer.dtype}; use layer.astype(numpy.float64)")
    (side,), lags = sides(layer, tape, dy, dstate), len(next(iter(ledger.per_lag.values())))
    if lags < min(3, side.steps):
        raise ValueError(f"a decay shows in 3 lags or more, got a ledger of {lags}; give a larger max_lag")
    n = state_features(layer)
    per_column = (len(layer.cell.gates) + 1) * layer.hidden_size + 2 * n
    needed = max(side.steps * lags, n) * side.batch * per_column * layer.dtype.itemsize
    require("this certificate", needed, max_bytes, "give a ledger of a smaller max_lag, or of fewer sequences")
    return side, lags


def _norms_by_lag(side: Side, ledger: Ledger, lags: int) -> np.ndarray:
    """phi (K19). In one strand the adjoint of lag k at a step comes from one loss, k steps later."""
    total: Any = array_module(side.dh).zeros(lags)

    def record(strand: int) -> Any:
        def add(t: int, dh: Array, dc: Array | None) -> None:
            nonlocal total
            squares = sum((part.astype(np.float64) ** 2).sum(axis=0) for part in (dh, dc) if part is not None)
            total = total + np.sqrt(squares).sum(axis=1)

        return add

    rows = by_lag(side, lags, record)
    change = size = 0.0
    for name, f in named_factors(side, rows, tuple(ledger.gradient)).items():
        change += float(((contract(f, "k") - ledger.per_lag[name]) ** 2).sum())
        size += float((ledger.per_lag[name] ** 2).sum())
    if change > np.finfo(side.layer.dtype).eps * size:
        raise ValueError(
            "the layer's parameters and tape must be those that the ledger was made of, they have changed since; make "
            "a new one"
        )
    return to_host(total)


def _ratios(phi: np.ndarray) -> np.ndarray:
    """(K - 1,): phi_{k+1} over phi_k; 0 where nothing is left."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(phi[1:] > 0, phi[1:] / phi[:-1], 0)


def _checked_tau(tau: Any, lags: int, all_of_it: bool) -> int:
    """all_of_it: whether nothing beyond the ledger's lags has to be judged by their decay."""
    last = lags - 1 if all_of_it else lags - 2
    if isinstance(tau, bool) or not isinstance(tau, (int, np.integer)) or not 0 <= tau <= last:
        remedy = "" if all_of_it else "; after it a decay must be seen: give a larger max_lag, or a beta that you know"
        raise ValueError(f"tau must be a lag of the ledger's, 0 to {last}, got {tau!r}{remedy}")
    return int(tau)


def _checked_beta(beta: Any) -> float:
    if not 0 <= number("beta", beta) < 1:
        raise ValueError(f"beta must be a factor in [0, 1) by which phi decays a lag, got {beta!r}")
    return float(beta)


def _tails(phi: np.ndarray, tau: int, beta: float) -> np.ndarray:
    """(K,): what phi can add up to from lag k on, k from 1 to K (K22); lags before tau are known."""
    lengths = np.arange(1, len(phi) + 1)
    known = phi[:tau].sum() - np.concatenate([[0.0], np.cumsum(phi[:tau])])[np.minimum(lengths, tau)]
    return known + phi[tau] * beta ** np.maximum(lengths - tau, 0).astype(float) / (1 - beta)


def _relative(bias: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """(K23), inf where the truncated gradient is no larger than the bound."""
    room = heads - bias
    return np.where(room > 0, bias / np.where(room > 0, room, 1), np.inf)


def _head_norms(ledger: Ledger) -> np.ndarray:
    """(K,): |g_k| of every Truncated(k), k from 1 to K."""
    heads = [part.cumsum(axis=0).reshape(len(part), -1).astype(np.float64) for part in ledger.per_lag.values()]
    return np.sqrt(sum(to_host((head**2).sum(axis=1)) for head in heads))


def _largest_use(side: Side, names: tuple[str, ...]) -> float:
    """M (K20): the largest singular value of ds_t/dtheta in step t alone, over all steps and sequences."""
    layer, largest = side.layer, 0.0
    w = layer.weights(0, 0)
    for t in range(side.steps):
        one = at_step(side.tape, t)
        found = strand_factors(layer.cell, w, one.strands[0][0], state_jacobian(layer, one)[1][0][0])
        gram = _gram([f for name, f in found.items() if name in names])
        bounds = to_host(abs(gram).sum(axis=2).max(axis=1))  # no eigenvalue passes the largest row
        for b in np.argsort(-bounds):
            if bounds[b] <= largest:
                break
            largest = max(largest, float(array_module(gram).linalg.svd(gram[int(b)], compute_uv=False)[0]))
    return float(np.sqrt(largest))


def _gram(uses: list[Factors]) -> Array:
    """(B, n, n): how these parameters move each state feature in one step, times itself turned: its squared norms."""
    shared: dict[int, tuple[Array, Any]] = {}  # the parameters of one gate have one adjoint
    for f in uses:
        squares = 1 if f.operand is None or f.rows else (f.operand[:, 0].astype(np.float64) ** 2).sum(axis=0)
        shared[id(f.adjoint)] = f.adjoint, squares + shared.get(id(f.adjoint), (None, 0))[1]
    total: Any = 0
    for adjoint, squares in shared.values():
        columns = adjoint[:, 0].astype(np.float64).transpose(2, 1, 0)  # (B, n, C)
        gram = np.matmul(columns, columns.swapaxes(1, 2))
        total = total + (gram * squares if isinstance(squares, int) else gram * squares[:, None, None])
    return total
