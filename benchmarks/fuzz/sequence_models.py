"""Language models, taggers and classifiers."""

from __future__ import annotations

from typing import Any

import numpy as np

import npseq as ns
from benchmarks.fuzz import twin
from benchmarks.fuzz.arithmetic import Arithmetic, Node
from benchmarks.fuzz.draw import INTEGERS, Draw
from benchmarks.fuzz.model_case import Made, ids, inner, looked_up, stacked, taken
from benchmarks.fuzz.networks import Network, groups, run
from benchmarks.fuzz.objectives import binary, cross_entropy
from benchmarks.fuzz.stacks import (
    CELLS,
    carry_by,
    inputs_of,
    lengths_of,
    one_hot,
    past,
    recurrent,
    state_for,
    state_of,
    truncation_of,
    weights,
)


def language_model(d: Draw, dtype: Any) -> Made:
    V, (make, cell, own) = d.whole("V", 2, 7), CELLS[d.of("cell", tuple(CELLS))]
    hidden = d.whole("H", 2, 6)
    own = {**own, "proj_size": d.whole("P", 1, hidden - 1)} if "proj_size" in own else own
    layers, both, E = d.of("L", (1, 2)), d.maybe("bidirectional", 0.2), d.of("E", (None, 1, 3))
    name = {ns.RNN: "rnn", ns.GRU: "gru", ns.LSTM: "lstm"}[make]
    model = ns.LanguageModel(V, name, hidden, layers, embedding_size=E, bidirectional=both, dtype=dtype, rng=0, **own)
    weights(d, model.params, hidden)
    layer, network = model.recurrent, Network(cell, layers, 1 + both)
    steps, batch = d.whole("T", 1, 9), d.whole("B", 0, 4)
    context = d.whole("context", 0, steps - 1) if d.maybe("with context", 0.25) else 0
    x = d.laid_out("ids", ids(d, steps, batch, V).astype(d.of("ids", INTEGERS)))
    y = d.laid_out("targets", ids(d, steps - context, batch, V).astype(d.of("targets", INTEGERS)))
    h, c = state_of(d, "state", layer, batch, (1.0, 100.0))
    at = d.whole("state_at", 0, steps) if not both and d.maybe("with state_at", 0.2) else None
    truncation, (plan,) = truncation_of(d, [layer], steps)
    options = {"context": context, "state_at": at, "truncation": truncation}
    state = state_for(layer, h, c)
    other = ids(d, 3, 2, V)
    found = taken(d, model, (x, y, state), options, (other, other, None), state=True)
    strands, has_c = layers * (1 + both), make is ns.LSTM
    first = {
        n: np.zeros((strands, batch, size)) if v is None else v
        for n, v, size in (("h", h, layer.state_size), ("c", c, layer.hidden_size))
    }

    def right(m: Arithmetic, p: dict[str, Node]) -> tuple[Node, dict[str, np.ndarray]]:
        own = inner(p, "recurrent.")
        inputs = [looked_up(m, p.get("embedding.W"), x[t], V) for t in range(steps)]
        h, c = ([m.leaf(first[n][k]) for k in range(strands)] for n in "hc")
        c = c if has_c else [None] * strands
        passed: dict[tuple[int, int], tuple[Node, Any]] = {}
        passed_on = carry_by(m, plan, network.directions, steps)

        def carry(k: int, t: int, h: Node, c: Any) -> tuple[Node, Any]:
            passed[k, t] = h, c
            return (h, c) if passed_on is None else passed_on(k, t, h, c)

        outputs, last_h, last_c = run(m, network, own, inputs, h, c, carry)
        if at is not None and at < steps:
            last_h, last_c = ([passed[k, at][part] for k in range(strands)] for part in (0, 1))
        scores = [m.affine([(h_t, p["output.W"])], p["output.b"]) for h_t in outputs[context:]]
        each = 1 / max(y.size, 1)
        loss = cross_entropy(m, scores, [one_hot(row, V) for row in y], [np.full(batch, each)] * len(y))
        out = {"h": stacked(m, last_h), **({"c": stacked(m, last_c)} if has_c else {})}
        return loss, out

    rival = None
    able = twin.torch is not None and cell in twin.GATES and not own.get("peepholes") and batch and truncation is None
    if able and at is None:
        rival = lambda: twin.language_model(network, model, x, y, first, context)  # noqa: E731
    return Made(model, found, right, layers * steps, plan, rival, {"h": 2, "c": 2})


def sequence_model(d: Draw, dtype: Any, make: Any) -> Made:
    """A tagger or a classifier."""
    tags = make is ns.models.Tagger
    K, is_binary = d.whole("K", 1, 4), d.maybe("binary", 0.3)
    embedding = ns.Embedding(5, d.whole("E", 1, 4), dtype=dtype, rng=0) if d.maybe("embedding", 0.4) else None
    features = embedding.dim if embedding else d.whole("D", 1, 5)
    layer, network = recurrent(d, features, dtype)
    model = make(layer, K, loss="binary" if is_binary else "softmax", embedding=embedding, rng=1)
    steps, batch = d.whole("T", 0, 8), d.whole("B", 0, 4)
    lengths = lengths_of(d, steps, batch)
    padding = past(lengths, steps, batch)
    tokens = embedding is not None or d.maybe("token ids", 0.3)
    x = inputs_of(d, padding & (embedding is None), 5 if embedding else features, dtype, tokens)
    shape = ((steps, batch) if tags else (batch,)) + ((K,) if is_binary else ())
    kind = d.of("targets", ("float32", "int64", "bool") if is_binary else INTEGERS)
    y = d.laid_out("targets", d.rng.integers(0, 2 if is_binary else K, shape).astype(kind))
    positions = (steps, batch) if tags else (batch,)
    w = None
    if d.maybe("weights", 0.4):
        w = np.where(d.rng.random(positions) < 0.3, 0, d.rng.uniform(0, 2, positions))
        w = d.laid_out("weights", w.astype(d.of("weights of", ("float32", "float64", "bool", "uint8"))))
    reduction = d.of("reduction", ("mean", "sum"))
    other = (x[:, :0], y[..., :0] if y.ndim == 1 else y[:, :0] if tags else y[:0])
    found = taken(d, model, (x, y, lengths), {"weights": w, "reduction": reduction}, other)
    real = np.ones(positions) if w is None else w.astype(np.longdouble)
    real = real * ~padding if tags else real
    total = real.sum() * (K if is_binary else 1) if reduction == "mean" else 1
    coefficient = real / (total or 1)

    def right(m: Arithmetic, p: dict[str, Node]) -> tuple[Node, dict[str, np.ndarray]]:
        own = inner(p, "recurrent.")
        scores, targets, factors = [], [], []
        for length, b in groups(lengths, steps, batch):
            if tokens:
                inputs = [
                    looked_up(m, p.get("embedding.W"), x[t, b], 5 if embedding else features) for t in range(length)
                ]
            else:
                inputs = [m.leaf(x[t, b]) for t in range(length)]
            strands = network.layers * network.directions
            h = [m.leaf(np.zeros((len(b), layer.state_size))) for _ in range(strands)]
            c = [m.leaf(np.zeros((len(b), layer.hidden_size))) if isinstance(layer, ns.LSTM) else None for _ in h]
            outputs, last, _ = run(m, network, own, inputs, h, c)
            read = outputs if tags else [m.beside(last[-network.directions :])]
            for t, node in enumerate(read):
                scores.append(m.affine([(node, p["output.W"])], p["output.b"]))
                targets.append(y[t, b] if tags else y[b])
                factors.append(coefficient[t, b] if tags else coefficient[b])
        if is_binary:
            return binary(m, scores, targets, factors), {}
        return cross_entropy(m, scores, [one_hot(row, K) for row in targets], factors), {}

    return Made(model, found, right, network.layers * steps)
