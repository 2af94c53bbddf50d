"""What checks the section on the LSTM's gradient of 1997 in docs/derivations/truncation.md."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from cell_pages import by_entry
from evaluation import Names, every, holds
from mathematics import Equation
from printed import blocks, run, text_of

import npseq as ns

TEXT = text_of("docs/derivations/truncation.md")
T, B, D, H = 4, 2, 2, 3
STEPS = range(1, T + 1)


@cache
def case() -> tuple[Any, ...]:
    layer, rng = ns.LSTM(D, H, dtype=np.float64), np.random.default_rng(0)
    layer.params.flat[:] = rng.normal(size=layer.params.flat.shape)
    x, dy = rng.normal(size=(T, B, D)), rng.normal(size=(T, B, H))
    state = tuple(rng.normal(size=(2, 1, B, H)))
    return layer, x, dy, state, layer.forward(x, state)[2]


@cache
def lines() -> Names:
    """What the section's lines make."""
    layer, x, dy, (h, c), _ = case()
    steps = {"x": dict(enumerate(x, 1)), "q": dict(enumerate(dy, 1))}
    code = [block for block in blocks(TEXT, "carousel") if block not in blocks(TEXT)]
    return run(code, {"T": T, "h_0": h[0], "c_0": c[0], "w": dict(layer.params), **steps})


def step(w: Any, x: Any, read: Any, cell: Any) -> tuple[Any, Any]:
    """h and c after a step, of gates that read this h."""
    gate = {k: x @ w[f"W_x{k}"] + read @ w[f"W_h{k}"] + w[f"b_{k}"] for k in "ifog"}
    i, f, o = (1 / (1 + np.exp(-gate[k])) for k in "ifo")
    cell = f * cell + i * np.tanh(gate["g"])
    return o * np.tanh(cell), cell


def slopes(f: Callable[[Any], Any]) -> Any:
    """The gradient of f(w), all entries in one vector, by a complex step."""
    w = dict(case()[0].params)
    return np.concatenate([by_entry(lambda v, k=k: f({**w, k: v}), value).ravel() for k, value in w.items()])


def layers_gradient(truncation: Any) -> Any:
    layer, _, dy, _, tape = case()
    grads = layer.backward(dy, tape, truncation=truncation)[2]
    return np.concatenate([grads[name].ravel() for name in layer.params])


@cache
def names() -> Names:
    """dc by a complex step of the cell state, the gates' h held fixed; F from the gates of the layer's own ledger."""
    made, w = lines(), dict(case()[0].params)
    gates = ns.inspect.ledger(case()[0], case()[2], case()[4]).gates
    own = {k: dict(enumerate(gates[k], 1)) for k in "ifog"}

    def later(t: int, cell: Any) -> Any:
        total = np.sum(made["q"][t] * own["o"][t] * np.tanh(cell))
        for u in range(t + 1, T + 1):
            out, cell = step(w, made["x"][u], made["h"][u - 1], cell)
            total = total + np.sum(made["q"][u] * out)
        return total

    dc = {t: by_entry(lambda cell, t=t: later(t, cell), made["c"][t]) for t in STEPS}
    after = {"f": {**own["f"], T + 1: np.zeros((B, H))}, "dc": {**dc, T + 1: np.zeros((B, H))}}
    F = {(t, u): np.prod([own["f"][k] for k in range(t + 1, u + 1)] + [np.ones((B, H))], axis=0)
         for t in STEPS for u in range(t, T + 1)}  # fmt: skip
    return {**made, **own, **after, "F": F, "T": T, "domains": {"t": STEPS}}


def frozen() -> Names:
    """h_t(theta; hbar), l_t(h) and the gradient by theta; g_c is the layer's."""
    made = names()

    def state(t: int) -> Callable[..., Any]:
        def of(theta: Any, read: Any) -> Any:
            cell, out = made["c"][0], None
            for u in range(1, t + 1):
                out, cell = step(theta, made["x"][u], read[u - 1], cell)
            return out

        return of

    loss = lambda t: lambda at: np.sum(made["q"][t] * at)  # noqa: E731
    return {**made, "h": state, "hbar": made["h"], "l": loss, "gradient": slopes,
            "g_c": layers_gradient(ns.CarouselTruncation())}  # fmt: skip


def of_carousel(equation: Equation) -> None:
    """(K17): the sum at every step, and F from step to step."""
    pairs = [{"t": t, "u": u} for t in STEPS for u in range(t + 1, T + 1)]
    holds(equation, names(), pairs if equation.text.startswith("F") else every(t=STEPS))


def over_steps(equation: Equation) -> None:
    holds(equation, names(), every(t=STEPS))


def of_one_step(equation: Equation) -> None:
    for t in STEPS:
        holds(equation, {"F": {(t, t): lines()["F"][t, t][0, 0]}, "t": t})


CHECKS = {
    "K15": over_steps,
    "K16": over_steps,
    "K17": of_carousel,
    "K18": lambda equation: holds(equation, frozen()),
    r"c_t = f_t \odot c_{t-1} + i_t \odot g_t": over_steps,
    r"h_t = o_t \odot \tanh(c_t)": over_steps,
    "F_{t,t} = 1": of_one_step,
}
NOTATION = {"s = t": "a case"}
