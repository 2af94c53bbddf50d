"""docs/derivations/scan.md: its printed lines on an LSTM's steps, whose derivatives are complex steps of forward."""

from functools import cache
from typing import Any

import numpy as np
from cell_pages import by_entry
from evaluation import Names, every, holds
from mathematics import Equation
from printed import blocks, run, text_of

import npseq as ns
from npseq.scan.associative import in_a_row
from npseq.scan.damped import smoothed

TEXT = text_of("docs/derivations/scan.md")
T, D, H, EARLY, K = 5, 2, 2, 2, 0.3
N = 2 * H
STEPS = range(1, T + 1)
State = dict[int, Any]  # {t: s_t (n,)}


@cache
def case() -> tuple[Any, ...]:
    """An LSTM of one sequence whose states are far from the guess; x, the first state, dy, the last state's adjoint."""
    layer, rng = ns.LSTM(D, H, dtype=np.float64), np.random.default_rng(0)
    layer.params.flat[:] = 2 * rng.normal(size=layer.params.flat.shape)
    pair = tuple(rng.normal(size=(2, 1, 1, H)))
    return layer, 2 * rng.normal(size=(T, 1, D)), pair, rng.normal(size=(T, 1, H)), tuple(rng.normal(size=(2, 1, 1, H)))


def theta() -> Any:
    return case()[0].params.flat


def step(t: int, before: Any, at: Any) -> Any:
    """f_t of the parameters and the state (n,) before."""
    layer, x, *_ = case()
    dtype = np.result_type(before, at)
    h, c = before.astype(dtype).reshape(2, 1, 1, H)
    (h, c) = layer.bind(at.astype(dtype)).forward(x[t - 1 : t].astype(dtype), (h, c))[1]
    return np.concatenate([h[0, 0], c[0, 0]])


def jacobian(f: Any, at: Any) -> Any:
    return np.array([by_entry(lambda moved, j=j: f(moved)[j], at) for j in range(N)])


def iterated(count: int | None, at: Any) -> State:
    """The states after so many iterations, of these parameters; None is the loop's."""
    layer, x, first, *_ = case()
    start = np.concatenate([part[0, 0] for part in first])
    if count is None:
        made = {0: start.astype(at.dtype)}
        for t in STEPS:
            made[t] = step(t, made[t - 1], at)
        return made
    pair = tuple(part.astype(at.dtype) for part in first)
    found = ns.scan.forward(layer.bind(at), x.astype(at.dtype), pair, iterations=count)
    strand = found.tape.tape.strands[0][0]
    before = np.concatenate([strand.s[0, :H], strand.c[0]])
    return {**dict(enumerate(before.T)), T: np.concatenate([part[0, 0] for part in found.state])}


@cache
def at_states(count: int | None) -> Names:
    """The steps' Jacobians, misses and derivatives at the states after so many iterations."""
    s, (*_, dy, dlast) = iterated(count, theta()), case()
    J = {t: jacobian(lambda before, t=t: step(t, before, theta()), s[t - 1]) for t in STEPS}
    F = {t: jacobian(lambda at, t=t: step(t, s[t - 1], at), theta()) for t in STEPS}
    u = {t: np.concatenate([dy[t - 1, 0], np.zeros(H)]) for t in STEPS}
    u[T] = u[T] + np.concatenate([part[0, 0] for part in dlast])
    r = {T + 1: np.zeros(N)}
    for t in reversed(STEPS):
        r[t] = (u[t] + r[t + 1]) @ J[t]
    e = {t: step(t, s[t - 1], theta()) - s[t] for t in STEPS}
    return {"s": s, "J": J, "F": F, "u": u, "r": r, "e": e, "f": lambda t: lambda before: step(t, before, theta())}


@cache
def between() -> Names:
    """One iteration: the changes, the next states, their derivatives, each by a complex step."""
    made, after = at_states(EARLY), iterated(EARLY + 1, theta())
    d = {t: after[t] - made["s"][t] for t in range(T + 1)}
    derived = {}
    for name, count in (("D", EARLY), ("D'", EARLY + 1)):
        derived[name] = {t: jacobian(lambda at, t=t, n=count: iterated(n, at)[t], theta()) for t in range(T + 1)}

    def along(t: int, at: Any) -> Any:
        """J_t d_{t-1} of these parameters: of one step backward from each number of the state."""
        layer, x, *_ = case()
        moved, before = layer.bind(at), iterated(EARLY, at)[t - 1].astype(at.dtype).reshape(2, 1, 1, H)
        tape = moved.forward(x[t - 1 : t].astype(at.dtype), tuple(before))[2]
        rows = [moved.backward(None, tape, tuple(unit.reshape(2, 1, 1, H)))[1] for unit in np.eye(N)]
        return np.array([np.concatenate([dh[0, 0], dc[0, 0]]) @ d[t - 1] for dh, dc in rows])

    Q = {t: jacobian(lambda at, t=t: along(t, at), theta()) for t in STEPS}
    return {**made, **derived, "d": d, "s'": after, "Q": Q}


@cache
def steps_of_chance() -> Names:
    """An affine recurrence, two of its steps, and a damped solution, as the code makes them."""
    rng = np.random.default_rng(1)
    A, b = rng.normal(size=(T, N, N)), rng.normal(size=(T, N))
    s = ns.scan.affine(A, b)
    found = in_a_row((A[0], b[0]), (A[1], b[1]))
    names = {"A_1": A[0], "A_2": A[1], "b_1": b[0], "b_2": b[1], "A": found[0], "b": found[1]}
    J, e = dict(enumerate(A, 1)), dict(enumerate(b, 1))
    d = {0: np.zeros(N), **dict(enumerate(smoothed(A, b, K), 1))}
    return {
        "recurrence": {"A": J, "b": e, "s": {0: np.zeros(N), **dict(enumerate(s, 1))}},
        "pair": names,
        "damped": {"J": J, "e": e, "d": d, "k": K},
    }


def pushed_gradient() -> Any:
    """Of the loop with its pushes held fixed, by a complex step."""
    e, u, start = at_states(EARLY)["e"], at_states(EARLY)["u"], at_states(EARLY)["s"][0]

    def loss(at: Any) -> Any:
        s, total = start.astype(complex), 0
        for t in STEPS:
            s = step(t, s, at) - e[t]
            total = total + u[t] @ s
        return total

    return by_entry(loss, theta())


def lines(variant: str) -> Names:
    """What the page's lines make."""
    given: Names = {"T": T, "f": lambda t, before: step(t, before, theta())}
    given["jacobian"] = lambda t, before: jacobian(lambda moved: step(t, moved, theta()), before)
    if variant == "plain":
        given |= {key: value for key, value in at_states(None).items() if key in ("s", "J", "u")}
        given |= {key: steps_of_chance()["recurrence"][key] for key in ("A", "b")}
    elif variant == "early":
        given |= {key: value for key, value in between().items() if key in ("s", "J", "u", "e", "F", "Q")}
    else:
        given |= steps_of_chance()["damped"]
    return run(blocks(TEXT, variant), given)


def backward(equation: Equation) -> None:
    holds(equation, at_states(None), every(t=STEPS))
    holds(equation, at_states(EARLY), every(t=STEPS))


CHECKS = {
    "P1": lambda equation: holds(equation, steps_of_chance()["recurrence"], every(t=STEPS)),
    "P2": lambda equation: holds(equation, steps_of_chance()["pair"]),
    "P3": backward,
    "P4": lambda equation: holds(equation, at_states(EARLY), every(t=(EARLY + 1, T))),
    "P5": lambda equation: holds(equation, between(), every(t=(T - 1, T))),
    "P6": lambda equation: holds(equation, between(), every(t=STEPS)),
    "P7": lambda equation: holds(equation, at_states(EARLY), every(t=STEPS)),
    "P8": lambda equation: holds(equation, {**at_states(EARLY), "nablaL": pushed_gradient(), "domains": {"t": STEPS}}),
    "P9": lambda equation: holds(equation, between(), every(t=(T - 1, T))),
    "P10": lambda equation: holds(equation, steps_of_chance()["damped"], every(t=range(1, T))),
}
NOTATION: dict[str, str] = {}
