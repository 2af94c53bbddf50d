"""What evaluates the docstrings of bptt: the loop over time, memory, online gradients, truncation."""

from __future__ import annotations

import itertools
from functools import cache, partial
from math import comb
from typing import Any

import numpy as np
import online_page
from cell_pages import by_entry
from docstrings import Docstring, check
from evaluation import every, holds, solve, value
from printed import assert_same
from time_page import names_of

import npseq as ns
from npseq.bptt import factors, truncation
from npseq.layers import checkpointing

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


def fewest_units(n: int, m: int) -> int:
    if min(n, m) < 1:
        raise ValueError("C is of one unit and one state at least")
    return checkpointing.forward_units(n, m)


@check("npseq.layers.checkpointing:")
def units(printed: Docstring) -> None:
    one, enough = printed("C(n, 1) = n (n + 1) / 2"), printed("C(n, m) = 2 n - 1")
    split, stride = printed("C(n, m) = min_y [ y + C(n - y, m - 1) + C(y, m) ]"), printed("stride = sqrt(T)")
    names = {"C": fewest_units}
    holds(one, names, every(n=range(1, 9)))
    holds(enough, names, [{"n": n, "m": m} for n in range(1, 9) for m in (n, n + 1)])
    for n, m in itertools.product(range(3, 12), (2, 3)):
        if m < n:
            holds(split, names | {"domains": {"y": range(1, n)}}, [{"n": n, "m": m}])
    holds(stride, {"T": 9, "stride": checkpointing.plan(ns.RNN(2, 2), 9, 1).stride})


def steps_apart(formula: Any) -> None:
    """The stride that `plan` takes without a budget, for numbers of steps that have a root."""
    for steps in (4, 9, 100):
        assert checkpointing.plan(ns.RNN(2, 2), steps, 1).stride == value(formula, {"T": steps})


@check("npseq.layers.checkpointing:forward_units")
def closed_form(printed: Docstring) -> None:
    formula, reach = printed("C(n, m) = n + r n - binomial(m + r, m + 1)"), printed("binomial(m + r, m)")
    names = {"C": fewest_units, "binomial": comb}
    for n, m in itertools.product(range(2, 12), range(1, 5)):
        if m <= n:
            at = names | {"n": n, "m": m}
            reaches = [r for r in range(n) if value(reach.sides[0], at | {"r": r}) >= n]
            r = min(reaches)
            holds(formula, at | {"r": r})


@check("npseq.layers.checkpointing:plan")
def plan(printed: Docstring) -> None:
    steps_apart(printed("sqrt(T)").sides[0])


@check("npseq.layers.checkpointing:checkpointed")
def checkpointed(printed: Docstring) -> None:
    steps_apart(printed("sqrt(T)").sides[0])
    printed.notation("sqrt(T) states", "the same number, of states")


@check("npseq.bptt.factors:squared_norms")
def squared_norms(printed: Docstring) -> None:
    identity = printed("|sum_m a_m d_m^T|^2 = sum_{m,n} <a_m, a_n> <d_m, d_n>")
    operand, adjoint = RNG.normal(size=(2, 4, 1)), RNG.normal(size=(3, 4, 1))
    names = {"a": operand.swapaxes(0, 1), "d": adjoint.swapaxes(0, 1), "domains": {"m": range(4), "n": range(4)}}
    holds(identity, names)
    found = factors.squared_norms(factors.Factors(operand, adjoint), "")
    assert_same(value(identity.sides[0], names), found, identity.text)


@cache
def online_names() -> dict[str, Any]:
    """One sequence through an RNN: states and their derivatives, each by a complex step."""
    layer = ns.RNN(D, H, dtype=np.float64, rng=1)
    x, dy, first = RNG.normal(size=(T, 1, D)), RNG.normal(size=(T, 1, H)), RNG.normal(size=(1, 1, H))
    theta = layer.params.flat.copy()
    y, _, tape = layer.forward(x, first)
    states = {0: first[0, 0], **{t + 1: y[t, 0] for t in range(T)}}

    def state(t: int, at: Any) -> Any:
        moved = layer.bind(at)
        return moved.forward(x[:t], first.astype(at.dtype))[0][-1, 0]

    def step(t: int, at: Any, before: Any) -> Any:
        weights = layer.bind(at).params
        return np.tanh(x[t - 1, 0] @ weights["W_xh"] + before @ weights["W_hh"] + weights["b_h"])

    steps = range(1, T + 1)
    S = {t: jacobian(partial(state, t), theta) for t in steps}
    J = {t: jacobian(lambda h, t=t: step(t, theta, h), states[t - 1]) for t in steps}
    F = {t: jacobian(lambda at, t=t: step(t, at, states[t - 1]), theta) for t in steps}
    q = {t: dy[t - 1, 0] for t in steps}
    made = {"layer": layer, "x": x, "dy": dy, "first": first, "tape": tape, "S": S, "J": J, "F": F, "q": q}
    by = {
        "@s/@theta": lambda t: S[t],
        "@s/@s": lambda t, before: {t - 1: J[t]}[before],
        "@l/@s": lambda t, by: {t: q[t]}[by],
    }
    gradient = ns.rtrl(layer, x, dy, first).grads.flat
    return {**made, **by, "gradient": gradient, "domains": {"t": steps}}


def jacobian(f: Any, at: Any) -> Any:
    return np.array([by_entry(lambda moved, j=j: f(moved)[j], at) for j in range(H)])


@check("npseq.layers.jacobian:")
def state_jacobian(printed: Docstring) -> None:
    equation = printed("J = ds_t / ds_{t-1}")
    from npseq.layers.jacobian import at_step, state_jacobian

    names = online_names()
    for t in range(1, T + 1):
        J, _ = state_jacobian(names["layer"], at_step(names["tape"], t - 1))
        holds(equation, names | {"J": J[0], "t": t})


@check("npseq.online.influence:")
def online(printed: Docstring) -> None:
    every_step = every(t=range(1, T + 1))
    for text in ("S_t = ds_t/dtheta", "J_t = ds_t/ds_{t-1}", "q_t = dl_t/ds_t"):
        holds(printed(text), online_names(), every_step)
    holds(printed("S_t = J_t S_{t-1} + F_t"), online_names(), every(t=range(2, T + 1)))
    holds(printed("gradient = sum_t q_t S_t"), online_names())


@check("npseq.online.rtrl:rtrl")
def rtrl(printed: Docstring) -> None:
    size = printed("B * n")
    names = online_names()
    found = ns.rtrl(names["layer"], np.repeat(names["x"], 2, axis=1), np.repeat(names["dy"], 2, axis=1)).influence
    for name, S in found.items():
        assert S.size == value(size.sides[0], {"B": 2, "n": H}) * names["layer"].params[name].size


@check("npseq.online.influence:_add")
def add(printed: Docstring) -> None:
    from npseq.online.influence import _add

    left, right = printed("grads += q S").sides
    q, S, grads = RNG.normal(size=(1, H)), RNG.normal(size=(1, H, 4)), RNG.normal(size=4)
    held: Any = {"b": grads.copy()}
    _add(held, q, {"b": S})
    names = {"grads": grads, "q": q[0], "S": S[0]}
    assert_same(value(left, names) + value(right, names), held["b"], "grads")


@check("npseq.online.snap:")
def snap(printed: Docstring) -> None:
    steps = every(t=range(1, online_page.T + 1))
    holds(printed("A_t = M * (J_t A_{t-1} + F_t)"), online_page.names(n=2), steps)


@check("npseq.online.rflo:")
def rflo(printed: Docstring) -> None:
    steps = every(t=range(1, online_page.T + 1))
    holds(printed("R_t = z_t * R_{t-1} + F_t"), online_page.names(online_page.gated), steps)


@check("npseq.online.uoro:uoro")
def uoro(printed: Docstring) -> None:
    """The second step from what the first one left; and the mean over the signs of all steps."""
    printed.notation("+-1", "what a sign is")
    printed.notation("nu^T F one backward step", "how the code computes it")
    unbiased = printed("E[s~ th~^T] = S")
    state, theta = printed("s~ <- r0 J s~ + r1 nu"), printed("th~ <- th~ / r0 + nu^T F / r1")
    balance = printed("r0 = sqrt(|th~| / |J s~|)"), printed("r1 = sqrt(|nu^T F| / |nu|)")
    names = online_names()
    (s_before,), th_before = after(1)
    at: Any = {"s~": s_before.reshape(H, 1), "th~": th_before[None], "nu": SIGNS[1][:, None]}
    at |= {"J": names["J"][2], "F": names["F"][2]}
    for equation in (*balance, state, theta):
        solve(equation, at)
        if equation in balance:
            assert at[equation.sides[0].parts[0]] > 0
    (s_after,), th_after = after(2)
    assert_same(at["s~"], s_after.reshape(H, 1), state.text)
    assert_same(at["th~"], th_after[None], theta.text)
    holds(unbiased, {"S": names["S"][2], **all_signs()})


SIGNS = np.array([[1.0, -1, 1], [2, 1, -0.5]])  # not only signs: with them alone |nu^T F| would be |F|


@cache
def after(steps: int) -> Any:
    """What uoro carries after so many steps."""
    layer, x, dy, first = (online_names()[key] for key in ("layer", "x", "dy", "first"))
    return ns.uoro(layer, x[:steps], dy[:steps], first, signs=list(SIGNS[:steps, None, None])).influence


@cache
def all_signs() -> dict[str, Any]:
    """After two steps, under every pattern of signs: one column a pattern; E divides what they add up to."""
    names = online_names()
    layer, x, dy, first = (names[key] for key in ("layer", "x", "dy", "first"))
    patterns = [np.array(p).reshape(2, 1, 1, H) for p in itertools.product([-1.0, 1.0], repeat=2 * H)]
    found = [ns.uoro(layer, x[:2], dy[:2], first, signs=list(p)).influence for p in patterns]
    states, thetas = np.array([s[0].ravel() for s, _ in found]), np.array([theta for _, theta in found])
    return {"s~": states.T, "th~": thetas.T, "E": lambda total: total / len(patterns)}


@check("npseq.bptt.truncation:Truncated", "npseq.layercheck.surrogate:")
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


@check("npseq.bptt.gradients:_copy")
def copied(printed: Docstring) -> None:
    printed.notation("out[...] = source", "code: a copy")
