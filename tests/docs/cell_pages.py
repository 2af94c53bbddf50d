"""The pages of the three cells: each variant's printed lines, run once, and what checks each printed formula."""

from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from evaluation import every, holds
from mathematics import Equation
from printed import blocks, labels_of, rows, run, sigmoid, text_of

from npseq.layers import GRU, LSTM, RNN

B, D, H, P = 3, 2, 4, 2
PHI = {"tanh": np.tanh, "relu": lambda a: np.maximum(a, 0)}
VARIANTS = {
    "rnn tanh": (RNN, {"nonlinearity": "tanh"}),
    "rnn relu": (RNN, {"nonlinearity": "relu"}),
    "gru before": (GRU, {"reset": "before"}),
    "gru after": (GRU, {"reset": "after"}),
    "lstm plain": (LSTM, {}),
    "lstm peepholes": (LSTM, {"peepholes": True}),
    "lstm projection": (LSTM, {"proj_size": P}),
    "lstm both": (LSTM, {"peepholes": True, "proj_size": P}),
}


class Derivation(NamedTuple):
    text: str
    code: list[str]  # the Python blocks of the variant
    given: dict[str, Any]  # x, the state before, the adjoints of the state after, and the parameters
    names: dict[str, Any]  # all of these, and what the blocks made
    layer: Any


def read(cell: str) -> str:
    return text_of(f"docs/derivations/{cell}.md")


@cache
def derivation(variant: str) -> Derivation:
    cell, word = variant.split()
    make, options = VARIANTS[variant]
    layer = make(D, H, dtype=np.float64, **options)
    rng = np.random.default_rng(len(variant))
    layer.params.flat[:] = rng.normal(size=layer.params.flat.shape)
    shapes = {"x": (B, D), "h": (B, layer.state_size), "dh_new": (B, layer.state_size)}
    if make is LSTM:
        shapes |= {"c": (B, H), "dc_new": (B, H)}
    given = {name: rng.normal(size=shape) for name, shape in shapes.items()} | dict(layer.params)
    given |= {"phi": PHI.get(word)}
    absent = {"p_i": np.zeros(H), "p_f": np.zeros(H), "p_o": np.zeros(H), "W_hp": np.eye(H)} if make is LSTM else {}
    given = absent | given
    code = blocks(read(cell), word)
    return Derivation(read(cell), code, given, run(code, given), layer)


def printed_names(variant: str) -> dict[str, Any]:
    """What the lines made, under the names of the formulas: h' is h_new."""
    names = derivation(variant).names
    primed = {name.removesuffix("_new") + "'": value for name, value in names.items() if name.endswith("_new")}
    return {**names, **primed, "sigma": sigmoid}


def on_every_variant(cell: str, label: str, family: tuple[str, ...], equation: Equation) -> None:
    """A row's equation against the lines of every variant that has its label."""
    variants = [v for v in VARIANTS if v.startswith(cell) and label in labels_of(derivation(v).code)]
    assert variants, f"no line has the label {label}"
    for variant in variants:
        holds(equation, printed_names(variant), every(k=family) if family else ({},))


def on(variant: str, more: Any, equation: Equation) -> None:
    """An inline formula against the lines of one variant; more: a function that makes further names of them."""
    names = printed_names(variant)
    holds(equation, names | more(names))


def checks_of_rows(cell: str) -> dict[str, Any]:
    return {row.label: partial(on_every_variant, cell, row.label, row.family) for row in rows(read(cell))}


def _slopes(names: dict[str, Any]) -> dict[str, Any]:
    """sigma' and tanh' by a complex step, at the pre-activation of the update or input gate."""
    a = names["x"]
    return {"a": a, "tanh'": lambda at: _slope(np.tanh, at), "sigma'": lambda at: _slope(sigmoid, at)}


def _slope(f: Any, at: Any) -> Any:
    return f(at + 1e-30j).imag / 1e-30


def _of_the_new_state(names: dict[str, Any]) -> dict[str, Any]:
    """(G7) differentiated, with the formula's other letters held fixed."""
    h, z, n = (names[letter] for letter in "hzn")
    by_z = ((z + 1e-30j) * h + (1 - (z + 1e-30j)) * n).imag / 1e-30
    by_n = (z * h + (1 - z) * (n + 1e-30j)).imag / 1e-30
    return {"@h'/@z": by_z, "@h'/@n": by_n}


def _nothing(names: dict[str, Any]) -> dict[str, Any]:
    return {}


def _rule_1(names: dict[str, Any]) -> dict[str, Any]:
    """v = phi(u) and L = sum(dv * v), du by a complex step."""
    rng = np.random.default_rng(0)
    u, dv = rng.normal(size=(2, B, H))
    du = dv * _slope(np.tanh, u)
    return {"u": u, "v": np.tanh(u), "dv": dv, "du": du, "phi": np.tanh, "phi'": lambda at: _slope(np.tanh, at)}


def _rule_1_of_a_product(names: dict[str, Any]) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    u, w, dv = rng.normal(size=(3, B, H))
    return {"u": u, "w": w, "v": u * w, "dv": dv, "du": _slope(lambda at: at * w, u) * dv}


def _chain_rule(names: dict[str, Any]) -> dict[str, Any]:
    """v = X u for one matrix X, every entry of v depending on every one of u in its column."""
    rng = np.random.default_rng(0)
    X, dv = rng.normal(size=(3, 3)), rng.normal(size=(3, 2))
    du = X.T @ dv
    by_entry = lambda k, l, i, j: X[k, i] * (l == j)  # noqa: E731
    domains = {"k": range(3), "l": range(2)}
    return {"@L/@u": du, "@L/@v": dv, "@v/@u": by_entry, "domains": domains, "i": 1, "j": 0}


def _rules_2_and_3(names: dict[str, Any]) -> dict[str, Any]:
    """Y = X W with L = sum(dY * Y): each derivative by a complex step of every entry."""
    rng = np.random.default_rng(0)
    X, W, dY = rng.normal(size=(B, D)), rng.normal(size=(D, H)), rng.normal(size=(B, H))
    dX, dW = by_entry(lambda at: (dY * (at @ W)).sum(), X), by_entry(lambda at: (dY * (X @ at)).sum(), W)
    domains = {"i": range(D), "j": range(H), "b": range(B)}
    derivatives = {"@L/@X": dX, "@L/@W": dW, "dX": dX, "dW": dW}
    return {"X": X, "W": W, "Y": X @ W, "dY": dY, **derivatives, "domains": domains, "b": 1, "i": 1, "j": 2}


def _rule_3(names: dict[str, Any]) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    X, b, dY = rng.normal(size=(B, H)), rng.normal(size=H), rng.normal(size=(B, H))
    db = by_entry(lambda at: (dY * (X + at)).sum(), b)
    return {"X": X, "b": b, "Y": X + b, "dY": dY, "db": db, "domains": {"b": range(B)}}


def by_entry(f: Any, at: Any) -> Any:
    """The derivative of a number by every entry, by a complex step."""
    found = np.empty(at.shape)
    for index in np.ndindex(at.shape):
        stepped = at.astype(complex)
        stepped[index] += 1e-30j
        found[index] = f(stepped).imag / 1e-30
    return found


def _jacobian(names: dict[str, Any]) -> dict[str, Any]:
    """Of the first sequence, entry 1 of h' by entry 2 of h, by a complex step."""

    def after(j, h):
        return np.tanh(names["x"][0] @ names["W_xh"] + h @ names["W_hh"] + names["b_h"])[j]

    entry = lambda j, i: by_entry(lambda h: after(j, h), names["h"][0])[i]  # noqa: E731
    return {"@h'/@h": entry, "s": names["s"][0], "i": 2, "j": 1}


def _columns(names: dict[str, Any]) -> dict[str, Any]:
    return {"a'": names["h_new"].T, "a": names["h"].T, "x": names["x"].T}


CHAIN = r"\partial L / \partial u_{ij} = \sum_{k,l} (\partial L / \partial v_{kl}) (\partial v_{kl} / \partial u_{ij})"
RULES = {
    CHAIN: _chain_rule,
    r"v = \phi(u)": _rule_1,
    r"du = dv \odot \phi'(u)": _rule_1,
    r"v = u \odot w": _rule_1_of_a_product,
    r"du = dv \odot w": _rule_1_of_a_product,
    r"Y = X W": _rules_2_and_3,
    r"Y_{bj} = \sum_i X_{bi} W_{ij}": _rules_2_and_3,
    r"\partial L / \partial X_{bi} = \sum_j dY_{bj} W_{ij}": _rules_2_and_3,
    r"\partial L / \partial W_{ij} = \sum_b X_{bi} dY_{bj}": _rules_2_and_3,
    r"dX = dY W^\top": _rules_2_and_3,
    r"dW = X^\top dY": _rules_2_and_3,
    r"Y = X + b": _rule_3,
    r"db = \sum_b dY_b": _rule_3,
    r"\tanh'(a) = 1 - \tanh(a)^2": _slopes,
    r"\partial h'_j / \partial h_i = W_{hh,ij} s_j": _jacobian,
    r"a' = \phi(W_{aa} a + W_{ax} x + b_a)": _columns,
    r"[h, x] [W_{hh}; W_{xh}] = h W_{hh} + x W_{xh}": _nothing,
}
SLOPES = {r"\sigma'(a) = \sigma(a) \odot (1 - \sigma(a))": _slopes, r"\tanh'(a) = 1 - \tanh(a)^2": _slopes}
OF_G7 = {r"\partial h' / \partial z = h - n": _of_the_new_state, r"\partial h' / \partial n = 1 - z": _of_the_new_state}

RNN_CHECKS = checks_of_rows("rnn") | {text: partial(on, "rnn tanh", more) for text, more in RULES.items()}
GRU_CHECKS = (
    checks_of_rows("gru")
    | {text: partial(on, "gru after", more) for text, more in (SLOPES | OF_G7).items()}
    | {
        r"h' = n + z \odot (h - n)": partial(on, "gru after", _nothing),
        "dv = da_n": partial(on, "gru before", _nothing),
    }
)
LSTM_CHECKS = (
    checks_of_rows("lstm")
    | {text: partial(on, "lstm both", more) for text, more in SLOPES.items()}
    | {r"h' = m W_{hp}": partial(on, "lstm both", _nothing), "h' = m": partial(on, "lstm plain", _nothing)}
)
LSTM_NOTATION = {"p = 0": "what a letter of a missing option stands for", "P = H": "a size"}
