"""Forecasters of series."""

from __future__ import annotations

from typing import Any

import numpy as np

import npseq as ns
from benchmarks.fuzz.arithmetic import Arithmetic, Node
from benchmarks.fuzz.draw import Draw
from benchmarks.fuzz.model_case import Made, inner, taken
from benchmarks.fuzz.networks import Network, run
from benchmarks.fuzz.objectives import squared_error
from benchmarks.fuzz.stacks import (
    weights,
)


def forecaster(d: Draw, dtype: Any) -> Made:
    lags, N = d.whole("lags", 1, 5), d.whole("N", 0, 9)
    model = ns.models.Forecaster(lags, d.whole("H", 1, 8), dtype=dtype, rng=0)
    weights(d, model.params, 4)
    x, y = d.laid_out("windows", d.numbers((N, lags), dtype)), d.laid_out("targets", d.numbers((N,), dtype))
    found = taken(d, model, (x, y), {}, (d.numbers((2, lags), dtype), d.numbers((2,), dtype)))

    def right(m: Arithmetic, p: dict[str, Node]) -> tuple[Node, dict[str, np.ndarray]]:
        h = m.relu(m.affine([(m.leaf(x.reshape(N, lags)), p["hidden.W"])], p["hidden.b"]))
        prediction = m.affine([(h, p["output.W"])], p["output.b"])
        return squared_error(m, [prediction], [y[:, None]], 1 / max(N, 1)), {}

    return Made(model, found, right, 2)


def latent_forecaster(d: Draw, dtype: Any) -> Made:
    name, F, H = d.of("cell", ("rnn", "gru", "lstm")), d.whole("F", 1, 3), d.whole("H", 1, 5)
    layers = d.of("L", (1, 2))
    model = ns.models.LatentForecaster(F, name, H, layers, dtype=dtype, rng=0)
    weights(d, model.params, H)
    steps, batch = d.whole("T", 2, 8), d.whole("B", 0, 3)
    warm = d.whole("warm_up", 0, steps - 2)
    x = d.laid_out("x", d.numbers((steps, batch, F), dtype))
    found = taken(d, model, (x,), {"warm_up": warm}, (d.numbers((3, 2, F), dtype),))
    network = Network({"rnn": "tanh", "gru": "gru after", "lstm": "lstm"}[name], layers)

    def right(m: Arithmetic, p: dict[str, Node]) -> tuple[Node, dict[str, np.ndarray]]:
        own = inner(p, "recurrent.")
        h = [m.leaf(np.zeros((batch, H))) for _ in range(layers)]
        c = [m.leaf(np.zeros((batch, H))) if name == "lstm" else None for _ in h]
        y, _, _ = run(m, network, own, [m.leaf(x[t].reshape(batch, F)) for t in range(steps - 1)], h, c)
        told = [m.affine([(node, p["output.W"])], p["output.b"]) for node in y[warm:]]
        count = max(len(told) * batch * F, 1)
        return squared_error(m, told, [x[t] for t in range(warm + 1, steps)], 1 / count), {}

    return Made(model, found, right, layers * steps)
