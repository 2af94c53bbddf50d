"""What checks the section on the certificate in docs/derivations/truncation.md."""

from functools import cache
from typing import Any

import numpy as np
from evaluation import Names, every, holds
from mathematics import Equation
from printed import blocks, run, text_of

import npseq as ns

TEXT = text_of("docs/derivations/truncation.md")
T, D, H = 6, 2, 3
STEPS, LAGS = range(1, T + 1), range(T)
LOOPED = ("t", "s", "k", "u", "K")  # left over from the page's own loops


@cache
def case() -> tuple[Any, ...]:
    """One sequence through a network that contracts, so that R is positive; losses at all steps."""
    layer, rng = ns.RNN(D, H, dtype=np.float64), np.random.default_rng(3)
    layer.params.flat[:] = rng.normal(size=layer.params.flat.shape)
    layer.params["W_hh"] *= 0.1
    x, dy, first = rng.normal(size=(T, 1, D)), rng.normal(size=(T, 1, H)), rng.normal(size=(1, 1, H))
    return layer, x, dy, first, ns.inspect.ledger(layer, dy, layer.forward(x, first)[2], pairs=False)


@cache
def lines(tau: int) -> Names:
    """What the page's lines make, those of lags and of the certificate."""
    layer, x, dy, first, _ = case()
    given = {"x": dict(enumerate(x, 1)), "q": dict(enumerate(dy, 1)), "pi": dict.fromkeys(STEPS, 0.5), "Q": np.ones(T)}
    plain = {"T": T, "tau": tau, "h_0": first[0], **given, **layer.params}
    code = [blocks(TEXT)[0], *(block for block in blocks(TEXT, "certificate") if block not in blocks(TEXT))]
    return {name: made for name, made in run(code, plain).items() if name not in LOOPED}


@cache
def names(tau: int) -> Names:
    """phi, M, beta, E and R of the certificate; g of the layer truncated."""
    made, (layer, x, dy, first, ledger) = lines(tau), case()
    found = ns.inspect.truncation_certificate(ledger, tau=tau)
    tape = layer.forward(x, first)[2]
    cut = {K: layer.backward(dy, tape, truncation=ns.Truncated(K))[2].flat for K in STEPS}
    bound, room = dict(enumerate(found.bias, 1)), dict(enumerate(found.relative, 1))
    exact = {
        "phi": dict(enumerate(found.phi)),
        "M": found.largest_use,
        "beta": found.beta,
        "E": bound,
        "R": room,
        "g": cut,
    }
    slope = {s: np.max(1 - made["h"][s] ** 2) for s in STEPS}
    return {**made, **exact, "epsilon": made["e"], "sigma": slope, "tau": tau,
            "domains": {"t": STEPS, "s": STEPS, "k": range(T - 1)}}  # fmt: skip


def for_every_tau(equation: Equation) -> None:
    for tau in (0, 1, 2):
        holds(equation, names(tau), every(K=range(max(tau, 1), T)))


def of_one_use(equation: Equation) -> None:
    holds(equation, names(0), [{"t": t, "s": s} for t in STEPS for s in range(1, t + 1)])


CHECKS = {
    "K19": lambda equation: holds(equation, names(0), every(k=LAGS)),
    "K20": lambda equation: holds(equation, names(0)),
    **dict.fromkeys(("K21", "K22", "K23"), for_every_tau),
    "|c_{t,s}|^2 = |da_{t,s}|^2 (|x_s|^2 + |h_{s-1}|^2 + 1)": of_one_use,
}
NOTATION = {
    r"\beta < 1": "what is assumed; the page's lines and test_certificate.py hold the bound against the bias",
    r"K \ge \tau": "what the index of (K22) runs over",
    r"\beta \ge 1": "a case",
}
