"""Sequence to sequence, and the generator of sequences from a vector."""

from __future__ import annotations

from typing import Any

import numpy as np

import npseq as ns
from benchmarks.fuzz.arithmetic import Arithmetic, Node
from benchmarks.fuzz.draw import INTEGERS, Draw
from benchmarks.fuzz.model_case import Made, ids, inner, looked_up, taken
from benchmarks.fuzz.networks import Network, groups, run
from benchmarks.fuzz.objectives import cross_entropy
from benchmarks.fuzz.stacks import (
    lengths_of,
    one_hot,
    past,
    recurrent,
    weights,
)


def seq2seq(d: Draw, dtype: Any) -> Made:
    name = d.of("cell", ("rnn", "gru", "lstm"))
    E, H, layers = d.whole("E", 1, 4), d.whole("H", 1, 5), d.of("L", (1, 2))
    both, deeper = d.maybe("bidirectional", 0.3), d.of("decoder layers", (None, 1, 2), (3, 1, 1))
    bridged = both or deeper not in (None, layers) or d.maybe("bridge", 0.3)
    sources, targets = d.whole("source V", 4, 8), d.whole("V", 4, 8)
    model = ns.models.Seq2Seq(
        sources,
        targets,
        name,
        E,
        H,
        layers,
        decoder_layers=deeper,
        bidirectional=both,
        bridge=bridged,
        dtype=dtype,
        rng=0,
    )
    weights(d, model.params, H)
    S, T, batch = d.whole("S", 0, 6), d.whole("T", 1, 6), d.whole("B", 0, 4)
    source = d.laid_out("source", ids(d, S, batch, sources).astype(d.of("source ids", INTEGERS)))
    target = d.laid_out("target", ids(d, T, batch, targets).astype(d.of("target ids", INTEGERS)))
    ends, stops = lengths_of(d, S, batch), lengths_of(d, T, batch)
    reduction = d.of("reduction", ("valid", "sequence"))
    other = (ids(d, 2, 3, sources), ids(d, 2, 3, targets))
    found = taken(d, model, (source, target, ends, stops), {"reduction": reduction}, other)
    kept = ~past(stops, T, batch)
    coefficient = kept / max(kept.sum() if reduction == "valid" else T, 1)
    cell, has_c = {"rnn": "tanh", "gru": "gru after", "lstm": "lstm"}[name], name == "lstm"
    encoder, decoder = Network(cell, layers, 1 + both), Network(cell, deeper or layers)
    inputs = np.concatenate([np.full((1, batch), model.begin), target[:-1].astype(np.int64)])

    def right(m: Arithmetic, p: dict[str, Node]) -> tuple[Node, dict[str, np.ndarray]]:
        first = inner(p, "encoder.recurrent.")
        second = inner(p, "decoder.recurrent.")
        scores, wanted, factors = [], [], []
        for length, b in groups(ends, S, batch):
            nothing = lambda: m.leaf(np.zeros((len(b), H)))  # noqa: B023, E731
            x = [looked_up(m, p["encoder.embedding.W"], source[t, b], sources) for t in range(length)]
            strands = range(layers * (1 + both))
            h, c = [nothing() for _ in strands], [nothing() if has_c else None for _ in strands]
            _, h, c = run(m, encoder, first, x, h, c)
            context = m.beside(h[-1 - both :])
            if bridged:
                rows = m.affine([(context, p["bridge.W"])], p["bridge.b"])
                h = [m.columns(rows, k * H, (k + 1) * H) for k in range(decoder.layers)]
                c = [nothing() if has_c else None for _ in h]
            x = [m.beside([looked_up(m, p["decoder.embedding.W"], inputs[t, b], targets), context]) for t in range(T)]
            y, _, _ = run(m, decoder, second, x, h, c)
            for t, node in enumerate(y):
                scores.append(m.affine([(node, p["decoder.output.W"])], p["decoder.output.b"]))
                wanted.append(one_hot(target[t, b], targets))
                factors.append(coefficient[t, b])
        return cross_entropy(m, scores, wanted, factors), {}

    return Made(model, found, right, layers * S + decoder.layers * T)


def sequence_generator(d: Draw, dtype: Any) -> Made:
    D, V, E = d.whole("D", 1, 4), d.whole("V", 2, 6), d.whole("E", 1, 4)
    layer, network = recurrent(d, E, dtype, one_way=True)
    model = ns.models.SequenceGenerator(D, ns.Embedding(V, E, dtype=dtype, rng=0), layer, rng=1)
    steps, batch, P = d.whole("T", 0, 7), d.whole("B", 0, 4), layer.state_size
    v = d.laid_out("v", d.numbers((batch, D), dtype))
    x, y = (d.laid_out(n, ids(d, steps, batch, V).astype(d.of(f"{n} of", INTEGERS))) for n in ("ids", "targets"))
    lengths, reduction = lengths_of(d, steps, batch), d.of("reduction", ("mean", "sum"))
    other = (d.numbers((2, D), dtype), ids(d, 2, 2, V), ids(d, 2, 2, V))
    found = taken(d, model, (v, x, y, lengths), {"reduction": reduction}, other)
    kept = ~past(lengths, steps, batch)
    coefficient = kept / max(kept.sum() if reduction == "mean" else 1, 1)

    def right(m: Arithmetic, p: dict[str, Node]) -> tuple[Node, dict[str, np.ndarray]]:
        own = inner(p, "recurrent.")
        rows = m.affine([(m.leaf(v.reshape(batch, D)), p["start.W"])], p["start.b"])
        h = [m.columns(rows, k * P, (k + 1) * P) for k in range(network.layers)]
        c = [m.leaf(np.zeros((batch, layer.hidden_size))) if isinstance(layer, ns.LSTM) else None for _ in h]
        outputs, _, _ = run(m, network, own, [looked_up(m, p["embedding.W"], row, V) for row in x], h, c)
        scores = [m.affine([(node, p["output.W"])], p["output.b"]) for node in outputs]
        return cross_entropy(m, scores, [one_hot(row, V) for row in y], list(coefficient)), {}

    return Made(model, found, right, network.layers * steps)
