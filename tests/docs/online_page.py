"""docs/derivations/online.md: its printed lines on derivatives by a complex step, and what checks each formula."""

from functools import cache
from typing import Any

import numpy as np
from cell_pages import by_entry
from evaluation import Names, every, holds
from mathematics import Equation
from printed import blocks, run, text_of

import npseq as ns

TEXT = text_of("docs/derivations/online.md")
T, D, H = 4, 2, 4
STEPS = range(1, T + 1)
Z = 0.7


@cache
def plain() -> tuple[Any, ...]:
    """A tanh network without biases, most of whose recurrent weights are zero."""
    layer, rng = ns.RNN(D, H, bias=False, dtype=np.float64), np.random.default_rng(0)
    layer.params.flat[:] = rng.normal(size=layer.params.flat.shape)
    layer.params["W_hh"] *= np.roll(np.eye(H), 1, axis=1) + np.diag([1, 0, 1, 0])
    return layer, rng.normal(size=(T, 1, D)), rng.normal(size=(T, 1, H)), rng.normal(size=(1, 1, H))


@cache
def leaky() -> tuple[Any, ...]:
    """Murray's network as a GRU: constant gates, z = 1 - alpha and r = 1."""
    layer, rng = ns.GRU(D, H, dtype=np.float64), np.random.default_rng(1)
    layer.params.flat[:] = rng.normal(size=layer.params.flat.shape)
    for name in ("W_xz", "W_hz", "W_xr", "W_hr"):
        layer.params[name] = 0 * layer.params[name]
    layer.params["b_z"], layer.params["b_r"] = np.full(H, np.log(Z / (1 - Z))), np.full(H, 100.0)
    return layer, rng.normal(size=(T, 1, D)), rng.normal(size=(T, 1, H)), rng.normal(size=(1, 1, H))


@cache
def gated() -> tuple[Any, ...]:
    layer, rng = ns.GRU(D, H, dtype=np.float64), np.random.default_rng(2)
    layer.params.flat[:] = rng.normal(size=layer.params.flat.shape)
    return layer, rng.normal(size=(T, 1, D)), rng.normal(size=(T, 1, H)), rng.normal(size=(1, 1, H))


def jacobian(f: Any, at: Any) -> Any:
    return np.array([by_entry(lambda moved, j=j: f(moved)[j], at) for j in range(H)])


@cache
def derivatives(case: Any) -> Names:
    """S, J and F of every step, each by a complex step through the layer's forward; states as rows h and columns s."""
    layer, x, dy, first = case()
    theta = layer.params.flat.copy()
    h = {0: first[0], **dict(enumerate(layer.forward(x, first)[0], 1))}

    def state(t: int, at: Any, before: Any, start: int) -> Any:
        return layer.bind(at).forward(x[start:t], before.astype(at.dtype)[None])[0][-1, 0]

    S = {t: jacobian(lambda at, t=t: state(t, at, h[0], 0), theta) for t in STEPS}
    F = {t: jacobian(lambda at, t=t: state(t, at, h[t - 1], t - 1), theta) for t in STEPS}
    J = {t: jacobian(lambda s, t=t: state(t, theta + 0j, s[None], t - 1), h[t - 1][0]) for t in STEPS}
    q = {t: dy[t - 1, 0] for t in STEPS}
    return {"S": {0: 0 * F[1], **S}, "J": J, "F": F, "q": q, "h": h, "x": dict(enumerate(x, 1))}


def patterns() -> tuple[Any, Any]:
    """D from the weights that are there, E: a weight on the unit that it feeds."""
    layer = plain()[0]
    own = np.zeros((H, layer.params.flat.size))
    for unit in range(H):
        mark = layer.params.like(np.zeros(layer.params.flat.size))
        for name in mark:
            mark[name][..., unit] = 1
        own[unit] = mark.flat
    return (layer.params["W_hh"].T != 0) * 1.0, own


@cache
def lines(case: Any, n: int = 2) -> Names:
    """What the page's lines make."""
    layer, x, _, _ = case()
    made, (reach, own) = derivatives(case), patterns()
    u = {t: np.concatenate([x[t - 1, 0], made["h"][t - 1][0]])[:, None] for t in STEPS}
    w = np.diag(layer.params["W_hh"])[None] if case is plain else np.zeros((1, H))
    reach, own = (reach, own) if case is plain else (np.ones((H, H)), np.ones(made["F"][1].shape))
    z = dict.fromkeys(STEPS, np.zeros((H, 1))) if case is plain else keeps(case)
    given = {
        "J": made["J"],
        "F": made["F"],
        "q": made["q"],
        "h": made["h"],
        "D": reach,
        "E": own,
        "n": n,
        "u": u,
        "w": w,
    }
    return run(blocks(TEXT), given | {"z": z})


def keeps(case: Any) -> Any:
    """z of every step as a column, from the parameters."""
    layer, x, _, _ = case()
    p, h = layer.params, derivatives(case)["h"]
    return {t: 1 / (1 + np.exp(-(x[t - 1] @ p["W_xz"] + h[t - 1] @ p["W_hz"] + p["b_z"]))).T for t in STEPS}


def names(case: Any = plain, n: int = 2) -> Names:
    """A from the code: what snap carries; S by a complex step."""
    made, (layer, x, dy, first) = lines(case, n), case()
    found = {t: ns.snap(layer, x[:t], dy[:t], first, n=n).influence for t in STEPS}
    A = {t: flat(layer, influence) for t, influence in found.items()}
    whole = layer.backward(dy, layer.forward(x, first)[2])[2].flat
    known = {**made, **derivatives(case), "A": {0: 0 * A[1], **A}, "nablaL": whole, "domains": {"t": STEPS}}
    if case is not plain:
        traces = {t: flat(layer, ns.rflo(layer, x[:t], dy[:t], first).influence) for t in STEPS}
        known |= {"R": {0: 0 * traces[1], **traces}, "z": keeps(case)}
    return known


def flat(layer: Any, influence: Any) -> Any:
    """(H, p): an influence matrix with its parameters in one vector."""
    rows = []
    for j in range(H):
        row = layer.params.like(np.zeros(layer.params.flat.size))
        for name, part in influence.items():
            row[name] = part[0, j]
        rows.append(row.flat)
    return np.array(rows)


def paths(equation: Equation) -> None:
    """(O3): how many walks of fewer than k edges lead from a weight's unit to another, counted one by one."""
    reach, own = patterns()
    walks = {1: np.eye(H)}
    for k in (1, 2, 3):
        walks[k + 1] = walks[k] + np.linalg.matrix_power(reach, k)
    N = {k: walk @ own for k, walk in walks.items()}
    holds(equation, {"N": N, "D": reach, "E": own}, every(k=(1, 2, 3)))


def traces(equation: Equation) -> None:
    """e from what snap carries: of each weight the entry on its own unit."""
    made, layer = names(n=1), plain()[0]
    e = {}
    for t in range(T + 1):
        rows = [layer.params.like(made["A"][t][j]) for j in range(H)]
        e[t] = np.concatenate([np.stack([rows[j][name][:, j] for j in range(H)], axis=1) for name in ("W_xh", "W_hh")])
    holds(equation, {**made, "e": e}, every(t=STEPS))


def murray(equation: Equation) -> None:
    layer, made = leaky()[0], names(leaky)
    p = layer.params
    at = {"alpha": 1 - Z, "W_x": p["W_xn"], "W_h": p["W_hn"], "b": p["b_n"] + p["b_hn"]}
    holds(equation, {**made, **at}, every(t=STEPS))


def gru(equation: Equation) -> None:
    """h_t of a GRU: new content worked out by hand."""
    layer, x, _, _ = gated()
    p, made = layer.params, names(gated)
    z, h = {t: column.T for t, column in made["z"].items()}, made["h"]
    r = {t: 1 / (1 + np.exp(-(x[t - 1] @ p["W_xr"] + h[t - 1] @ p["W_hr"] + p["b_r"]))) for t in STEPS}
    n = {t: np.tanh(x[t - 1] @ p["W_xn"] + p["b_n"] + r[t] * (h[t - 1] @ p["W_hn"] + p["b_hn"])) for t in STEPS}
    holds(equation, {**made, "z": z, "n": n}, every(t=STEPS))


def definitions(equation: Equation) -> None:
    made = derivatives(plain)
    by = {"@s/@s": lambda t, before: {t - 1: made["J"][t]}[before], "@l/@s": lambda t, by: {t: made["q"][t]}[by]}
    holds(equation, {**made, **by}, every(t=STEPS))


@cache
def alone() -> tuple[Any, ...]:
    """An IndRNN of tanh, most of whose parameters are read by one unit each: all of them."""
    layer, rng = ns.Recurrent(ns.gallery.IndRNNCell("tanh"), D, H, dtype=np.float64, rng=0), np.random.default_rng(3)
    layer.params.flat[:] = rng.normal(size=layer.params.flat.shape)
    return layer, rng.normal(size=(T, 1, D)), rng.normal(size=(T, 1, H)), rng.normal(size=(1, 1, H))


@cache
def alone_names() -> Names:
    """e from what diagonal_rtrl carries, in rows of a matrix; j, F and q by complex steps."""
    made, (layer, x, dy, first) = derivatives(alone), alone()
    e = {0: 0 * made["F"][1]}
    for t in STEPS:
        traces = ns.online.diagonal_rtrl(layer, x[:t], dy[:t], first).influence
        rows = [layer.params.like(np.zeros(layer.params.flat.size)) for _ in range(H)]
        for unit, row in enumerate(rows):
            for name, part in traces.items():
                row[name][..., unit] = part[0, 0, ..., unit]
        e[t] = np.array([row.flat for row in rows])
    j = {t: np.diag(made["J"][t])[:, None] for t in STEPS}
    q = made["q"]
    step = {"g": {t: q[t] @ made["F"][t] for t in STEPS}, "p": {t: q[t] @ made["J"][t] for t in STEPS}}
    whole = layer.backward(dy, layer.forward(x, first)[2])[2].flat
    return {**made, **step, "e": e, "j": j, "nablaL": whole, "domains": {"t": STEPS}}


@cache
def product_names() -> Names:
    """One state feature of the plain network as a matrix K by M; v from the numbers, d by a complex step."""
    layer, x, _, _ = plain()
    made, unit = derivatives(plain), 1
    v = {t: np.concatenate([made["h"][t - 1][0], x[t - 1, 0]])[:, None] for t in STEPS}
    weights = np.concatenate([layer.params["W_hh"], layer.params["W_xh"]])
    d = {t: by_entry(lambda a: np.tanh(a)[unit], v[t][:, 0] @ weights)[None] for t in STEPS}
    F = {}
    for t in STEPS:
        row = layer.params.like(made["F"][t][unit])
        F[t] = np.concatenate([row["W_hh"], row["W_xh"]])
    return {"v": v, "d": d, "F": F}


MIXED = {
    "s_0": 1.0,
    "s_1": -1.0,
    "p_0": 0.7,
    "p_1": 1.9,
    **{
        name: np.random.default_rng(4 + k).normal(size=size)
        for k, (name, size) in enumerate({"u": (3, 1), "v": (3, 1), "a": (1, 4), "d": (1, 4)}.items())
    },
}


@cache
def mixed_names(sign: float = 1.0) -> Names:
    """What kf_rtrl's rule makes of two products, with the p that it takes; s_0 is the sign, and s_1 the other."""
    from npseq.online.kf_rtrl import mixed

    given = {**MIXED, "s_0": sign, "s_1": -sign}
    stacked = [np.stack([given[first].reshape(1, -1), given[second].reshape(1, -1)], axis=1)
               for first, second in (("u", "v"), ("a", "d"))]  # fmt: skip
    made = mixed(stacked[0], stacked[1][:, :, None], np.array([[sign, -sign]]))
    given["p_0"], given["p_1"] = (
        np.sqrt(np.linalg.norm(given[row]) / np.linalg.norm(given[column])) for column, row in (("u", "a"), ("v", "d"))
    )
    return {**given, "uhat": made[0][0, 0][:, None], "ahat": made[1][0, 0]}


@cache
def mixing_names() -> Names:
    """Z from the code; C and z by what they have to be."""
    from npseq.online.ok import mixing

    sigma, s, r, k = np.array([9.0, 3, 2, 1.5]), np.array([1.0, -1, 1, -1]), 3, 1
    tau = sigma[k:].sum()
    Z = mixing(sigma, s, r)
    C = np.zeros_like(Z)
    C[k:, k:] = (s[:, None] * Z)[k:, k:] / np.sqrt(tau / (r - k))
    z = np.zeros(r + 1)
    z[k:] = np.sqrt(1 - (C[k:, k:] ** 2).sum(axis=1))
    return {
        "sigma": sigma,
        "s": s,
        "r": r,
        "k": k,
        "rho": tau / (r - k),
        "tau": tau,
        "Z": Z,
        "C": C,
        "z": z,
        "domains": {"j": range(k, r)},
    }


def over(names: Any, **ranges: Any) -> Any:
    return lambda equation: holds(equation, names(), every(**ranges))


TAIL = range(1, 4)
CHECKS = {
    "O1": lambda equation: holds(equation, names(), every(t=STEPS)),
    "O2": lambda equation: holds(equation, names()),
    "O3": paths,
    "O4": lambda equation: [holds(equation, names(n=n), every(t=STEPS)) for n in (1, 2, 3)],
    "O5": traces,
    "O6": lambda equation: [holds(equation, names(case), every(t=STEPS)) for case in (gated, leaky)],
    "O7": over(alone_names, t=STEPS),
    "O8": over(alone_names),
    "O9": over(product_names, t=STEPS),
    **dict.fromkeys(("O10", "O11"), lambda equation: [holds(equation, mixed_names(s)) for s in (1.0, -1.0)]),
    "O12": over(mixing_names, i=TAIL),
    "O13": over(mixing_names, i=TAIL, j=range(1, 3)),
    "g_t = q_t F_t": over(alone_names, t=STEPS),
    "p_t = q_t J_t": over(alone_names, t=STEPS),
    r"\sum_j Z_{ij} Z_{ij} = \sigma_i": over(mixing_names, i=TAIL),
    r"J_t = \partial s_t / \partial s_{t-1}": definitions,
    r"q_t = \partial l_t / \partial s_t": definitions,
    r"h_t = (1 - \alpha) h_{t-1} + \alpha \tanh(x_t W_x + h_{t-1} W_h + b)": murray,
    r"h_t = z_t \odot h_{t-1} + (1 - z_t) \odot n_t": gru,
}
NOTATION = {
    r"(r - k) \sigma_k \le \tau": "which k is meant",
    "v_t = [h_{t-1}, 1, x_t]": "what a letter stands for",
}
