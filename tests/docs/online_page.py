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


CHECKS = {
    "O1": lambda equation: holds(equation, names(), every(t=STEPS)),
    "O2": lambda equation: holds(equation, names()),
    "O3": paths,
    "O4": lambda equation: [holds(equation, names(n=n), every(t=STEPS)) for n in (1, 2, 3)],
    "O5": traces,
    "O6": lambda equation: [holds(equation, names(case), every(t=STEPS)) for case in (gated, leaky)],
    r"J_t = \partial s_t / \partial s_{t-1}": definitions,
    r"q_t = \partial l_t / \partial s_t": definitions,
    r"h_t = (1 - \alpha) h_{t-1} + \alpha \tanh(x_t W_x + h_{t-1} W_h + b)": murray,
    r"h_t = z_t \odot h_{t-1} + (1 - z_t) \odot n_t": gru,
}
NOTATION: dict[str, str] = {}
