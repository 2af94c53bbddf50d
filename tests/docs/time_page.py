"""docs/derivations/time.md: its printed lines, run beside random arrays, and what checks each printed formula."""

from functools import cache, partial
from typing import Any

import numpy as np
from cell_pages import by_entry
from evaluation import every, holds, solve
from mathematics import Equation
from printed import assert_same, blocks, run, text_of

import npseq as ns
from npseq.layers import RNN

TEXT = text_of("docs/derivations/time.md")
T, B, D, H = 4, 3, 2, 3
LENGTHS = np.array([2, 0, 4])
STEPS = range(1, T + 1)
OPTIONS = {
    "plain": ({}, [""]),
    "stack": ({"num_layers": 2}, ["", "_l1"]),
    "bidirectional": ({"bidirectional": True}, ["", "_reverse"]),
    "lengths": ({"bidirectional": True}, ["", "_reverse"]),
    "recursion": ({}, [""]),
    "vanishing": ({}, [""]),
    "clamp": ({}, [""]),
}
CLAMP = 0.4


def numbered(array: Any) -> dict[int, Any]:
    """An array (T, ...) as {1: first step, ...}."""
    return dict(enumerate(array, 1))


def drawn(layer: Any, batch: int = B, seed: int = 0) -> list[Any]:
    """x, dy, the first and the last states' values, all random; the layer's parameters, too."""
    rng = np.random.default_rng(seed)
    layer.params.flat[:] = rng.normal(size=layer.params.flat.shape)
    strands = layer.num_layers * layer.directions
    shapes = (T, batch, D), (T, batch, layer.output_size), (strands, batch, H), (strands, batch, H)
    return [rng.normal(size=shape) for shape in shapes]


@cache
def names_of(variant: str, batch: int = B) -> dict[str, Any]:
    """What the lines of a variant make; `x`, `dy`, `first`, `last` are what the layer takes, and `layer` is it."""
    options, endings = OPTIONS[variant]
    layer = RNN(D, H, dtype=np.float64, **options)
    x, dy, first, last = drawn(layer, batch)
    states = {f"h_0{ending}": first[k] for k, ending in enumerate(endings)}
    states |= {f"dh_last{ending}": last[k] for k, ending in enumerate(endings)}
    live = numbered((np.arange(T)[:, None, None] < LENGTHS[:, None]) * 1.0)
    given = {"T": T, "H": H, "m": CLAMP, "x": numbered(x), "dy": numbered(dy), "live": live, **states, **layer.params}
    made = run(blocks(TEXT, variant), given)
    return {**made, "layer": layer, "arrays": (x, dy, first, last), "domains": {"t": STEPS}}


@cache
def linear_names(batch: int = B) -> dict[str, Any]:
    rng = np.random.default_rng(2)
    weights = {"W_xh": rng.normal(size=(D, H)), "W_hh": rng.normal(size=(H, H)), "W_hq": rng.normal(size=(H, 2))}
    given = {"T": T, "h_0": rng.normal(size=(batch, H)), **weights}
    given |= {"x": numbered(rng.normal(size=(T, batch, D))), "do": numbered(rng.normal(size=(T, batch, 2)))}
    return {**run(blocks(TEXT, "linear"), given), "domains": {"t": STEPS}}


def d2l_names() -> dict[str, Any]:
    """The linear network in d2l's columns; dL/dh_t of L = sum <do_t, o_t> by a complex step, not by (T21)."""
    names = linear_names(batch=1)

    def loss(t: int, state: Any) -> Any:
        total = 0
        for u in range(t, T + 1):
            total = total + (names["do"][u] * (state @ names["W_hq"])).sum()
            state = names["x"][u + 1] @ names["W_xh"] + state @ names["W_hh"] if u < T else state
        return total

    by_state = {t: by_entry(partial(loss, t), names["h"][t]).T for t in STEPS}
    columns = {"W_hh": names["W_hh"].T, "W_qh": names["W_hq"].T}
    by_output = lambda t: names["do"][t].T  # noqa: E731
    return {**columns, "T": T, "@L/@h": by_state, "@L/@o": by_output, "domains": {}}


def two_layers() -> dict[str, Any]:
    names = names_of("stack")
    above = {"x^(1)": names["x_l1"], "dx^(1)": names["dx_l1"], "h^(0)": names["h"], "dy^(0)": names["dy_l0"]}
    return {**names, **above}


def two_directions(variant: str = "bidirectional") -> dict[str, Any]:
    names = names_of(variant)
    halves = {"h^r": names["h_r"], "dx^f": names["dx_f"], "dx^r": names["dx_r"]}
    return {**names, **halves}


def with_lengths() -> dict[str, Any]:
    """(T15) to (T19) for the forward direction, whose half of the output comes first."""
    names = names_of("lengths")
    first_half = {"y": {t: names["y"][t][:, :H] for t in STEPS}, "dy": names["dy_f"]}
    return {**names, **first_half, "mu": names["live"]}


@cache
def memory() -> dict[str, Any]:
    """The lines with a state c alone, and what they are derivatives of, by a complex step."""
    rng = np.random.default_rng(3)
    given = {"T": T, "f": rng.uniform(0.5, 0.9, H), "W_xc": rng.normal(size=(D, H)), "c_0": rng.normal(size=(B, H))}
    given |= {"x": numbered(rng.normal(size=(T, B, D))), "u": numbered(rng.normal(size=(T, B, H)))}
    given["dc_last"] = rng.normal(size=(B, H))

    def later(first: int, c: Any) -> Any:
        """The losses of the steps from `first` on, c being the state before it."""
        total = 0
        for t in range(first, T + 1):
            c = given["f"] * c + given["x"][t] @ given["W_xc"]
            total = total + (given["u"][t] * c).sum()
        return total + (given["dc_last"] * c).sum()

    c, passed = run(blocks(TEXT, "memory"), given)["c"], {}
    for t in range(T + 1):
        passed[t + 1] = by_entry(partial(later, t + 1), c[t])
    whole = {t: by_entry(lambda at, t=t: (given["u"][t] * at).sum() + later(t + 1, at), c[t]) for t in STEPS}
    by_c = lambda t: given["u"][t]  # noqa: E731
    return {**given, "c": c, "p": passed, "dc": whole, "@L/@c": by_c, "domains": {"t": STEPS}}


@cache
def clamped() -> dict[str, Any]:
    """da and f from the layer; the held network at other weights, where a and its held value differ."""
    names = names_of("clamp")
    layer, (x, dy, first, last) = names["layer"], names["arrays"]
    rows = layer.adjoints(dy, layer.forward(x, first)[2], last, clip_adjoint=CLAMP)
    da = {t: rows[0][0].da[0, :, t - 1].T for t in STEPS}
    p = {T + 1: last[0], **{t: da[t] @ layer.params["W_hh"].T for t in STEPS}}
    dh = {t: dy[t - 1] + p[t + 1] for t in STEPS}
    a, h = names["forward_held"](names["x"], names["h_0"], *(1.1 * names[name] for name in ("W_xh", "W_hh", "b_h")))
    moved = {name: 1.1 * names[name] for name in ("W_xh", "W_hh", "b_h")}
    held = {"abar": names["a_bar"], "a": a, "h": h, **moved, "f": names["f"]}
    return {**names, "da": da, "dh": dh, "held": held}


def at_held(equation: Equation) -> None:
    holds(equation, clamped() | clamped()["held"], every(t=STEPS))


def at_value(equation: Equation) -> None:
    names = clamped()
    holds(equation, names | {"abar": names["a_bar"], "a": names["a_bar"]}, every(t=STEPS))


def jacobian(f: Any, at: Any) -> Any:
    """(units, entries of at)."""
    return np.array([by_entry(lambda moved, j=j: f(moved)[j], at).ravel() for j in range(H)])


@cache
def recursion() -> dict[str, Any]:
    """One sequence in columns, w = W_hh: f by a complex step, dh/dw from the layer's own gradient of every unit."""
    names = names_of("recursion", batch=1)
    layer, (x, _, first, _) = names["layer"], names["arrays"]
    rows = {}
    for t in STEPS:
        _, _, tape = layer.forward(x[:t], first)
        units = [np.concatenate([np.zeros((t - 1, 1, H)), unit[None, None]]) for unit in np.eye(H)]
        rows[t] = np.array([layer.backward(unit, tape)[2]["W_hh"].ravel() for unit in units])
    w, h, steps = names["W_hh"], names["h"], names["x"]
    f = lambda x_t, h, w: np.tanh(x_t @ names["W_xh"] + h @ w + names["b_h"])  # noqa: E731

    @cache
    def own(t: int, before: int) -> Any:
        return jacobian(lambda at: f(steps[t], h[before], at)[0], w)

    @cache
    def carried(t: int, before: int, by: int) -> Any:
        assert by == before, "differentiated by another state than f reads"
        return jacobian(lambda at: f(steps[t], at, w)[0], h[by])

    def upstream(t: int, by: int) -> Any:
        assert by == t, "differentiated by another state than the loss reads"
        return names["q"][t][0]

    partials = {"@h/@w": rows, "@f/@w": own, "@f/@h": carried, "@l/@h": upstream, "@L/@w": names["dW_hh"].ravel()}
    return {**names, **partials, "f": f, "w": w}


@cache
def penalty() -> dict[str, Any]:
    """One sequence. Omega, rho from the layer; v, e and the immediate derivatives by complex steps, not by (T28) on."""
    names = names_of("vanishing", batch=1)
    layer, (x, dy, first, last) = names["layer"], names["arrays"]
    found = ns.inspect.vanishing_penalty(layer, dy, layer.forward(x, first)[2], last)
    h, dh, steps, counted = names["h"], names["dh"], names["x"], range(2, T + 1)
    weights = {name: names[name] for name in ("W_xh", "W_hh", "b_h")}

    def size(row: Any) -> Any:
        return np.sqrt(np.sum(row**2))

    def passed(t: int, **moved: Any) -> Any:
        at = {**weights, **moved}
        before = at.get("before", steps[t] @ at["W_xh"] + h[t - 1] @ at["W_hh"] + at["b_h"])
        return (dh[t] * (1 - np.tanh(before) ** 2)) @ at["W_hh"].T

    def omega(name: str, value: Any) -> Any:
        return sum((size(passed(t, **{name: value})) / size(dh[t]) - 1) ** 2 for t in counted)

    p = {t: passed(t) for t in STEPS}
    v = {t: by_entry(lambda row, t=t: (size(row) / size(dh[t]) - 1) ** 2, p[t]) for t in STEPS}
    arrived = {t: steps[t] @ weights["W_xh"] + h[t - 1] @ weights["W_hh"] + weights["b_h"] for t in STEPS}
    e = {t: by_entry(lambda a, t=t: np.sum(v[t] * passed(t, before=a)), arrived[t]) for t in STEPS}
    immediate = {f"g{name}": by_entry(partial(omega, name), value) for name, value in weights.items()}
    rho = {1: size(p[1]) / size(dh[1]), **{t: found.ratios[t - 1, 0] for t in counted}}
    return {**names, **immediate, "p": p, "v": v, "e": e, "rho": rho, "Omega": found.value}


def over_steps(names: Any, *given: Any, first: int = 1, last: int = T) -> Any:
    """Held against these names at every step."""

    def check(equation: Equation) -> None:
        holds(equation, names(*given), every(t=range(first, last + 1)))

    return check


def once(names: Any, *given: Any) -> Any:
    return lambda equation: holds(equation, names(*given))


def stands_still(equation: Equation) -> None:
    """(T15) from step to step: with all states at hand it could not be told from one with h_t on its right."""
    names = with_lengths()
    states = names | {"h": {0: names["h_0"]}}
    for t in STEPS:
        solve(equation, states | {"t": t})
        assert_same(states["h"][t], names["h"][t], equation.text)


plain, linear = over_steps(names_of, "plain"), over_steps(linear_names)
D2L = (
    r"\frac{\partial L}{\partial h_t} = \sum_{i=t}^{T} (W_{hh}^\top)^{T-i}\, "
    r"W_{qh}^\top \frac{\partial L}{\partial o_{T+t-i}}"
)
CHECKS = {
    **dict.fromkeys(("T1", "T2", "T3", "T4", "T5"), plain),
    **dict.fromkeys(("T6", "T7", "T8", "T9", "T10"), once(names_of, "plain")),
    **dict.fromkeys(("T11", "T12"), over_steps(two_layers)),
    **dict.fromkeys(("T13", "T14"), over_steps(two_directions)),
    **dict.fromkeys(("T16", "T17", "T18", "T19"), over_steps(with_lengths)),
    "T15": stands_still,
    **dict.fromkeys(("T20", "T21", "T22"), linear),
    "T23": over_steps(recursion, first=2),
    "T24": over_steps(recursion),
    "T25": once(recursion),
    **dict.fromkeys(("T26", "T28", "T29"), over_steps(penalty)),
    **dict.fromkeys(("T27", "T30"), once(penalty)),
    "T31": over_steps(memory),
    r"u_t = \partial L / \partial c_t": over_steps(memory),
    r"c_t = f \odot c_{t-1} + x_t W_{xc}": over_steps(memory),
    **dict.fromkeys(("T32", "T33"), over_steps(clamped)),
    "T34": at_held,
    r"a_t = x_t W_{xh} + h_{t-1} W_{hh} + b_h": at_held,
    r"a_t = \bar a_t": at_value,
    D2L: over_steps(d2l_names),
    r"p_t = (dh_t \odot (1 - h_t^2)) W_{hh}^\top": plain,
    r"dh_t \odot (1 - h_t^2) = da_t": plain,
    "y_t = h_t": over_steps(lambda: names_of("plain") | {"y": numbered(layers_output())}),
    "p_{T+1} = dh_{last}": once(names_of, "plain"),
    "h_t = f(x_t, h_{t-1}, w)": over_steps(recursion),
}
NOTATION = {
    r"t = 1, \dots, T": "what an index runs over",
    "t = T": "a step",
    "dh' = dh_t": "the same thing in two pages' letters",
    r"\phi(a) = a": "what is assumed: a linear network",
    r"u \ge t": "what an index runs over",
    "u = T + t - i": "one index written by another",
    r"|\lambda| < 1": "a case",
    r"|\lambda| > 1": "a case",
}


def layers_output() -> Any:
    names = names_of("plain")
    x, _, first, _ = names["arrays"]
    return names["layer"].forward(x, first)[0]
