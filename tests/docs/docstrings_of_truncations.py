"""These checks evaluate the docstrings of inspect on truncations: bias, variance, certificate."""

from functools import cache
from typing import Any

import certificate_page
import numpy as np
from docstrings import Docstring, check
from evaluation import every, holds, solve, value
from printed import assert_same
from truncation_page import CHANCE, LENGTH_CHANCE, LENGTHS, PI, Q, case, random_names, roulette_names

import npseq as ns
from npseq import inspect

RNG = np.random.default_rng(0)


@cache
def ledger_names() -> dict[str, Any]:
    """The lags' parts of a gradient, all parameters in one vector, and what crosses two carries."""
    layer, _, dy, _, tape = case()
    ledger = ns.inspect.ledger(layer, dy, tape)
    K = len(next(iter(ledger.per_lag.values())))
    G = np.concatenate([ledger.per_lag[name].reshape(K, -1) for name in layer.params], axis=1)
    g = np.concatenate([ledger.gradient[name].ravel() for name in layer.params])
    B = np.array([*(G[k:].sum(axis=0) for k in range(K)), np.zeros_like(g)])
    domains = {"k": range(K), "l": range(K), "i": range(K), "j": range(K)}
    return {"ledger": ledger, "G": G, "g": g, "B": B, "W": ledger.crossing_norms[0], "domains": domains}


@check("npseq.inspect.truncations:truncation_bias")
def truncation_bias(printed: Docstring) -> None:
    head, tail = printed("g_k = sum_{l < k} G_l"), printed("g_k - g = -sum_{l >= k} G_l")
    names = ledger_names()
    found = inspect.truncation_bias(names["ledger"])
    for k in (1, 2, 3):
        at: Any = names | {"k": k, "g_k": kept_lags(k)}
        holds(head, at)
        holds(tail, at)
        assert_same(found.norm[k - 1], np.linalg.norm(value(tail.sides[1], at)), tail.text)


def kept_lags(k: int) -> Any:
    """Truncated(k)'s gradient, from the layer."""
    layer, _, dy, _, tape = case()
    grads = layer.backward(dy, tape, truncation=ns.Truncated(k))[2]
    return np.concatenate([grads[name].ravel() for name in layer.params])


SQUARE = "E |g' - g|^2"


def mean_square(formula: Any, estimates: Any, chance: Any) -> float:
    """E |g' - g|^2: what every draw adds to the mean, E giving it its weight."""
    total = 0.0
    for p, draw in zip(chance, estimates, strict=True):
        total += value(formula.sides[0], {"E": lambda square, p=p: p * square, "g'": draw, "g": ledger_names()["g"]})
    return total


def in_ledgers_order(estimate: Any) -> Any:
    """The page's vectors hold W_xh, W_hh, b_h; the ledger's here the layer's own order."""
    layer = case()[0]
    parts = dict(zip(("W_xh", "W_hh", "b_h"), np.split(estimate, np.cumsum([6, 9])), strict=True))
    return np.concatenate([parts[name] for name in layer.params])


@check("npseq.inspect.truncations:random_truncation_variance")
def random_truncation_variance(printed: Docstring) -> None:
    square = printed(SQUARE)
    noise_, v = printed("xi = 1 + eta"), printed("v = 1 / keep - 1")
    variance = printed("variance = sum_i v_i W_ii^2 + sum_{i<j} v_i v_j W_ij^2 prod_{i<k<j} (1 + v_k)")
    names = ledger_names()
    found = inspect.random_truncation_variance(names["ledger"], PI)
    solve(v, at := {"keep": PI})
    holds(variance, names | {"v": at["v"], "variance": found})
    xi, eta = random_names()["xi"][2], random_names()["xi"][2] - CHANCE @ random_names()["xi"][2]
    holds(noise_, {"xi": xi, "eta": eta})
    estimates = [in_ledgers_order(draw) for draw in random_names()["ghat"]]
    assert_same(mean_square(square, estimates, CHANCE), found, square.text)


@check("npseq.inspect.truncations:roulette_variance")
def roulette_variance(printed: Docstring) -> None:
    square = printed(SQUARE)
    pairs = printed("sum_{k,l} <G_k, G_l> (1 / Q(min(k, l)) - 1)")
    lengths = printed("sum_{k>=1} (1 / Q(k) - 1 / Q(k - 1)) |B_k|^2")
    names = ledger_names() | {"Q": lambda k: Q[k]}
    found = inspect.roulette_variance(names["ledger"], lambda k: Q[k])
    for formula in (pairs, lengths):
        assert_same(value(formula.sides[0], names), found, formula.text)
    estimates = [in_ledgers_order(roulette_names()["ghat"][N]) for N in LENGTHS]
    assert_same(mean_square(square, estimates, LENGTH_CHANCE), found, square.text)


@check("npseq.inspect.truncations:expected_lags")
def expected_lags(printed: Docstring) -> None:
    chance = {"N": LENGTHS, "E": lambda N: LENGTH_CHANCE @ N, "P": lambda event: LENGTH_CHANCE @ event}
    mean = printed("E N = sum_k P(N > k)")
    names = chance | {"domains": {"k": range(4)}}
    holds(mean, names)
    assert_same(inspect.expected_lags(lambda k: Q[k], 4), value(mean.sides[1], names), mean.text)


@check("npseq.inspect.truncations:best_survival")
def best_survival(printed: Docstring) -> None:
    """The lags' squares fall in this ledger, and none passes 1: Q is in proportion to their roots."""
    variance, square, root = (
        printed("sum_k a_k / Q(k) - |g|^2"),
        printed("a_k = |B_k|^2 - |B_{k+1}|^2"),
        printed("sqrt(a_k)"),
    )
    names: Any = falling_ledger()
    a: dict[int, Any] = {}
    for k in range(4):
        solve(square, names | {"k": k, "a": a})
    best = inspect.best_survival(names["ledger"], 1.3)
    ratios = [best(k) / value(root.sides[0], {"a": a, "k": k}) for k in (1, 2, 3)]
    assert_same(np.array(ratios), np.full(3, ratios[0]), root.text)
    assert ratios[0] > 0
    found = inspect.roulette_variance(names["ledger"], best)
    assert_same(value(variance.sides[0], names | {"a": a, "Q": best}), found, variance.text)


@cache
def falling_ledger() -> dict[str, Any]:
    """Of a gradient whose lags' contributions to |B_k|^2 fall."""
    layer = ns.RNN(2, 3, dtype=np.float64, rng=3)
    layer.params["W_hh"] = 0.5 * np.eye(3)
    x, dy = np.abs(RNG.normal(size=(4, 2, 2))), np.ones((4, 2, 3))
    ledger = ns.inspect.ledger(layer, dy, layer.forward(x)[2])
    G = np.concatenate([ledger.per_lag[name].reshape(4, -1) for name in layer.params], axis=1)
    B = np.array([*(G[k:].sum(axis=0) for k in range(4)), np.zeros(G.shape[1])])
    return {"ledger": ledger, "B": B, "g": B[0], "domains": {"k": range(4)}}


@check("npseq.inspect.certificate:truncation_certificate")
def truncation_certificate(printed: Docstring) -> None:
    """One sequence, so that a sum over losses is over steps; dl_t/ds_{t-k} from the page's lines."""
    sizes, decay = printed("phi_k = sum_t |dl_t/ds_{t-k}|"), printed("beta = max_{k >= tau} phi_{k+1} / phi_k")
    bound, workspace = printed("E_k = M phi_tau beta^(k - tau) / (1 - beta)"), printed("E_k / (|g_k| - E_k)")
    for tau in (0, 2):
        names = certificate_page.names(tau)
        steps = range(1, certificate_page.T + 1)
        by = lambda t, s, names=names: names["e"].get((t, t - s), 0 * names["q"][t])  # noqa: E731
        holds(sizes, names | {"@l/@s": by, "domains": {"t": steps}}, every(k=certificate_page.LAGS))
        holds(decay, names)
        for k in range(max(tau, 1), certificate_page.T):
            holds(bound, names | {"k": k})
            assert_same(value(workspace.sides[0], names | {"k": k}), names["R"][k], workspace.text)
