"""These checks evaluate the docstrings of bptt: the loop over time, sums over time, truncation."""

from functools import cache
from typing import Any

import numpy as np
from docstrings import Docstring, check
from evaluation import every, holds, solve, value
from printed import assert_same
from time_page import names_of

from npseq.bptt import factors, truncation

T, D, H = 3, 2, 3
RNG = np.random.default_rng(0)


@check("npseq.bptt.loop:")
def loop(printed: Docstring) -> None:
    """In columns, of a plain RNN, which passes nothing back by itself."""
    printed.notation("(h_t, c_t) = cell(a_t, h_{t-1}, c_{t-1})", "a call: what a cell takes and gives")
    forward, adjoint, back = (
        printed("a_t = W' [h_{t-1}; 1; x_t]"),
        printed("dh_t = dy_t + p_{t+1}"),
        printed("p_t = W_h da_t"),
    )
    names = names_of("plain")
    turned = {letter: {t: step.T for t, step in names[letter].items()} for letter in ("h", "x", "dh", "dy", "p", "da")}
    block = np.concatenate([names["W_hh"], names["b_h"][None], names["W_xh"]])
    at: Any = {**turned, "W'": block.T, "W_h": names["W_hh"], "a": {}}
    for t in names["x"]:
        assert_same(np.tanh(solve(forward, at | {"t": t})), at["h"][t], forward.text)
        holds(adjoint, at, [{"t": t}])
        holds(back, at, [{"t": t}])


@check("npseq.bptt.factors:norms")
def norms(printed: Docstring) -> None:
    identity = printed("|sum_m a_m d_m^T|^2 = sum_{m,n} <a_m, a_n> <d_m, d_n>")
    operand, adjoint = RNG.normal(size=(2, 4, 1)), RNG.normal(size=(3, 4, 1))
    names = {"a": operand.swapaxes(0, 1), "d": adjoint.swapaxes(0, 1), "domains": {"m": range(4), "n": range(4)}}
    holds(identity, names)
    found = factors.norms(factors.Factors(operand, adjoint), "") ** 2
    assert_same(value(identity.sides[0], names), found, identity.text)


@check("npseq.bptt.truncation:Truncated")
def truncated(printed: Docstring) -> None:
    printed.notation("sum_t l_t", "the loss; (K7) says what is differentiated")


@check("npseq.bptt.truncation:RouletteTruncation")
def roulette(printed: Docstring) -> None:
    chance, weight, start = printed("P(N > k) = survival(k)"), printed("1/survival(k)"), printed("survival(0) = 1")
    names = {
        "P": np.mean,
        "N": np.array([len(weights) for weights in drawn_weights()]),
        "survival": SURVIVAL.__getitem__,
    }
    for k, found in enumerate(max(drawn_weights(), key=len)):
        assert_same(found, value(weight.sides[0], names | {"k": k}), weight.text)
    holds(chance, names, every(k=range(4)))
    holds(start, names)


SURVIVAL = (1, 0.7, 0.7, 0.2)


@cache
def drawn_weights() -> list[Any]:
    """The weights of the lags for a hundred numbers evenly spread over [0, 1), in the place of random ones."""

    class Spread(np.random.Generator):
        def random(self, *shape: Any) -> Any:
            return next(numbers)

    numbers = iter((np.arange(100) + 0.5) / 100)
    drawn = truncation.RouletteTruncation(SURVIVAL.__getitem__, Spread(np.random.PCG64(0)))
    return [drawn.plan(1, 4, 3).lag_weights for _ in range(100)]
