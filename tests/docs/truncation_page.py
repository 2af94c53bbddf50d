"""docs/derivations/truncation.md: its printed lines, run beside random arrays, and what checks each printed formula.

Expectations are sums over every draw.
"""

import itertools
from collections.abc import Callable
from functools import cache
from typing import Any

import carousel_page
import certificate_page
import numpy as np
from evaluation import Names, every, holds, value
from mathematics import Equation, latex
from printed import blocks, run, text_of

import npseq as ns

TEXT = text_of("docs/derivations/truncation.md")
T, B, D, H = 4, 2, 2, 3
STEPS = range(1, T + 1)
PI = np.array([0.5, 0.8, 0.3, 0.6])  # the first step carries from the given first state, to no parameter
Q = np.array([1, 0.7, 0.7, 0.2])
PATHS = [(t, s) for t in STEPS for s in range(1, t + 1)]
LOOPED = ("t", "s", "k", "u", "l")  # left over from the page's own loops
DRAWS = list(itertools.product([0, 1], repeat=T))
CHANCE = np.array([np.prod(np.where(kept, PI, 1 - PI)) for kept in DRAWS])
LENGTHS = np.arange(1, T + 1)
LENGTH_CHANCE = Q - np.append(Q[1:], 0)


@cache
def case() -> tuple[Any, ...]:
    layer = ns.RNN(D, H, dtype=np.float64)
    rng = np.random.default_rng(0)
    layer.params.flat[:] = rng.normal(size=layer.params.flat.shape)
    x, dy, first = rng.normal(size=(T, B, D)), rng.normal(size=(T, B, H)), rng.normal(size=(1, B, H))
    _, _, tape = layer.forward(x, first)
    return layer, x, dy, first, tape


@cache
def names(tau: int = 2) -> Names:
    layer, x, dy, first, _ = case()
    steps = {"x": dict(enumerate(x, 1)), "q": dict(enumerate(dy, 1)), "pi": dict(enumerate(PI, 1)), "Q": Q}
    return run(blocks(TEXT), {"T": T, "tau": tau, "h_0": first[0], **steps, **layer.params})


def parameters() -> list[Any]:
    layer = case()[0]
    return [layer.params[name] for name in ("W_xh", "W_hh", "b_h")]


def slopes(f: Callable[..., Any]) -> Any:
    """The gradient of f(W_xh, W_hh, b_h), all entries in one vector, by a complex step."""
    at, found = parameters(), []
    for k, array in enumerate(at):
        for index in np.ndindex(array.shape):
            stepped = array.astype(complex)
            stepped[index] += 1e-30j
            found.append(f(*at[:k], stepped, *at[k + 1 :]).imag / 1e-30)
    return np.array(found)


def printed_names(tau: int = 2) -> Names:
    """What the lines made, under the formulas' names; a sum's indices run where the page has them run."""
    made = {name: value for name, value in names(tau).items() if name not in LOOPED}
    domains = {"t": STEPS, "k": range(T), "l": range(T), "(t,s)": PATHS}
    greek = {"epsilon": made["e"], "nablaL": made["gradient"], "pi": made["pi"]}
    return {**made, **greek, "Q": lambda k: Q[k], "domains": domains}


def losses() -> Names:
    """L as a number, l_t of the state: their derivatives by a complex step."""
    made = printed_names()
    l = {t: np.sum(made["q"][t] * made["h"][t]) for t in STEPS}
    return {**made, "l": l, "L": sum(l.values()), "@l/@h": lambda t, by: made["q"][t] if t == by else None}


@cache
def adjoint() -> Names:
    """dh_s of the whole loss, from the layer: the gradient of a state that stands first."""
    layer, x, dy, _, _ = case()
    made, dh = printed_names(), {}
    for s in STEPS:
        _, _, tape = layer.forward(x[s:], made["h"][s][None]) if s < T else (0, 0, None)
        dh[s] = dy[s - 1] + (layer.backward(dy[s:], tape)[1][0] if s < T else 0)
    return {**made, "dh": dh}


@cache
def truncated(tau: int) -> Names:
    """g_tau of the layer itself."""
    layer, _, dy, _, tape = case()
    grads = layer.backward(dy, tape, truncation=ns.Truncated(tau))[2]
    found = np.concatenate([grads[name].ravel() for name in ("W_xh", "W_hh", "b_h")])
    return {**printed_names(tau), "g_tau": found}


def surrogate(tau: int) -> Names:
    """h_t(theta; s), l_t(h) and the gradient by theta."""
    made = printed_names(tau)

    def state(t: int) -> Callable[..., Any]:
        def of(theta: Any, s: int) -> Any:
            at = made["h"][s]
            for u in range(s + 1, t + 1):
                at = np.tanh(made["x"][u] @ theta[0] + at @ theta[1] + theta[2])
            return at

        return of

    loss = lambda t: lambda at: np.sum(made["q"][t] * at)  # noqa: E731
    gradient = lambda f: slopes(lambda *theta: f(theta))  # noqa: E731
    return {**truncated(tau), "h": state, "l": loss, "gradient": gradient}


def blended(zeta: float, carry: Equation) -> Names:
    """L_zeta, the carry of a state being the printed one."""
    made = printed_names()

    def loss(theta: Any) -> Any:
        total, state = 0, made["h"][0]
        for t in STEPS:
            carried = value(carry.sides[1], {"zeta": zeta, "h": state, "hbar": made["h"][t - 1]})
            state = np.tanh(made["x"][t] @ theta[0] + carried @ theta[1] + theta[2])
            total = total + np.sum(made["q"][t] * state)
        return total

    return {**made, "zeta": zeta, "L_zeta": loss, "gradient": lambda f: slopes(lambda *theta: f(theta))}


CARRY, POLYNOMIAL = r"h_\zeta = \zeta h + (1 - \zeta) \bar h", r"\nabla_\theta L_\zeta(\theta) = \sum_k \zeta^k G_k"


def a_polynomial(equation: Equation) -> None:
    for zeta in (0.5, 1.0, -2.0):
        holds(equation, blended(zeta, latex(CARRY)[0]))


def a_carry(equation: Equation) -> None:
    """It keeps the value, and its derivative makes the gradient the printed polynomial."""
    h = names()["h"][1]
    holds(equation, {"h_zeta": h, "h": h, "hbar": h, "zeta": 0.3})
    for zeta in (0.5, -2.0):
        holds(latex(POLYNOMIAL)[0], blended(zeta, equation))


@cache
def kept(draw: tuple[int, ...]) -> Names:
    """One draw of xi; the estimate is the one of the lines, which another test holds against the layer."""
    made = printed_names()
    xi = dict(enumerate(np.array(draw) / PI, 1))
    estimate, dh = made["drawn"](xi)
    return {**made, "xi": xi, "ghat": estimate, "dh": dh}


def of_every_draw(equation: Equation) -> None:
    """(K9), (K10)."""
    for draw in DRAWS:
        holds(equation, kept(draw), every(t=range(2, T + 1)))


def of_a_kept_step(equation: Equation) -> None:
    holds(equation, kept((1,) * T), every(t=STEPS))


@cache
def random_names() -> Names:
    """xi_u and the estimate, all draws at once; E their mean, V the enumerated variance."""
    made = printed_names()
    estimates = np.array([kept(draw)["ghat"] for draw in DRAWS])
    whole = made["gradient"]
    expected = lambda outcomes: np.tensordot(CHANCE, outcomes, 1)  # noqa: E731
    variance = CHANCE @ np.sum(estimates**2, axis=1) - whole @ whole
    xi = {u: np.array([draw[u - 1] / PI[u - 1] for draw in DRAWS]) for u in STEPS}
    return {**made, "E": expected, "xi": xi, "ghat": estimates, "V": variance}


@cache
def roulette_names() -> Names:
    made = printed_names()
    estimates = {N: made["roulette"](N) for N in LENGTHS}
    whole = made["gradient"]
    square = sum(chance * estimates[N] @ estimates[N] for N, chance in zip(LENGTHS, LENGTH_CHANCE, strict=True))
    chance_of = lambda event: LENGTH_CHANCE @ event  # noqa: E731
    return {**made, "ghat": estimates, "V_N": square - whole @ whole, "P": chance_of}


def once(make: Any, **ranges: Any) -> Callable[[Equation], None]:
    return lambda equation: holds(equation, make(), every(**ranges))


def for_every_tau(make: Any) -> Callable[[Equation], None]:
    def check(equation: Equation) -> None:
        for tau in range(1, T):
            holds(equation, make(tau))

    return check


def lengths_apart(equation: Equation) -> None:
    """(K12) against the layer's lags: exact parts, weighed by the code."""
    holds(equation, roulette_names(), every(N=LENGTHS))


@cache
def carried_names() -> Names:
    """gamma_u in every draw, beside the enumerated variance."""
    made = random_names()
    draws = [dict(enumerate(np.array(draw) / PI, 1)) for draw in DRAWS]
    gamma = {u: np.array([names()["gamma"](u, xi) for xi in draws]) for u in STEPS[1:]}
    return {**made, "gamma": gamma, "domains": {**made["domains"], "u": STEPS}}


LAGS = [{"t": t, "k": k} for t in STEPS for k in range(t - 1)]
lag, random = range(T), once(random_names, u=STEPS)
CHECKS = {
    "K1": lambda equation: holds(equation, printed_names(), LAGS),
    "K2": lambda equation: holds(equation, printed_names(), [{"t": t, "s": s} for t, s in PATHS]),
    "K3": once(printed_names, k=lag),
    "K4": once(printed_names),
    "K5": for_every_tau(truncated),
    "K6": for_every_tau(truncated),
    "K7": for_every_tau(surrogate),
    "K8": a_polynomial,
    "K9": of_every_draw,
    "K10": of_every_draw,
    "K11": once(random_names),
    "K12": lengths_apart,
    "K13": once(roulette_names),
    "K14": once(carried_names),
    r"L = \sum_t l_t": once(losses),
    r"q_t = \partial l_t / \partial h_t": once(losses, t=STEPS),
    r"dh_s = \sum_{t \ge s} \epsilon_{t,t-s}": once(adjoint, s=STEPS),
    r"l_t = \langle q_t, h_t \rangle": once(losses, t=STEPS),
    CARRY: a_carry,
    r"\xi_t = 1/\pi_t": of_a_kept_step,
    r"E[\xi_u] = \pi_u \cdot \frac{1}{\pi_u} = 1": random,
    r"E[\hat g] = \sum_{(t,s)} c_{t,s} = \nabla L": random,
    r"E[\xi_u^2] = \pi_u \cdot \frac{1}{\pi_u^2} = \frac{1}{\pi_u}": random,
    r"E[\xi_u^2] = 1/\pi_u": random,
    r"E[(\xi_u - 1)^2] = \frac{1}{\pi_u} - 1": random,
    "P(N > k) = Q(k)": once(lambda: roulette_names() | {"N": LENGTHS}, k=lag),
    r"P(N > \max(k, l)) = Q(\max(k, l))": once(lambda: roulette_names() | {"N": LENGTHS}, k=lag, l=lag),
    **carousel_page.CHECKS,
    **certificate_page.CHECKS,
    "Q(0) = 1": once(roulette_names),
    r"Q(k) Q(l) = Q(\max(k, l)) Q(\min(k, l))": once(roulette_names, k=lag, l=lag),
}
NOTATION = {
    r"t \ge s": "what an index runs over",
    r"\tau \ge T": "a case; test_truncated has it",
    r"\max(s, s') < u \le \min(t, t')": "what the index of (K11) runs over",
    "Q > 0": "what Q must be",
    r"\pi^k = Q(k)": "how two estimators are chosen for a comparison",
    **carousel_page.NOTATION,
    **certificate_page.NOTATION,
}
