"""How far back each cell learns: "the cat(s), which ..., was / were full" at lags 10 to 500 (Ng's cats).

The verb agrees with a noun that was read `lag` steps before, and nouns of either number stand in between. Each network
is trained on one lag alone. A plain RNN's gradient has faded by then. So has that of gates that stand open halfway, at
1/2, as they do at first: 2^-100 is nothing. Gates that start near saturation, with time constants up to the lag
(b_f = log u, b_i = -b_f, u uniform in 1 to lag; Tallec & Ollivier 2018, arXiv 1804.11188), keep it. `--full` goes on to
lag 500, several times, and takes long.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.data import AGREEMENT_VOCABULARY, agreement_sentences
from npseq.models import Classifier

HIDDEN, BATCH = 16, 32
KINDS = ("RNN", "GRU", "LSTM", "GRU, gates near 1", "LSTM, gates near 1")
RESULT = Path(__file__).parents[1] / "benchmarks" / "results" / "long_range.json"


def classifier(kind, lag, seed):
    """kind: one of KINDS."""
    rng = np.random.default_rng(seed)
    layer = {"RNN": ns.RNN, "GRU": ns.GRU, "LSTM": ns.LSTM}[kind.split(",")[0]](8, HIDDEN, rng=rng)
    if kind.endswith("1"):
        bias = np.log(rng.uniform(1, max(lag, 2), HIDDEN))
        if kind.startswith("LSTM"):
            layer.params["b_f"][...], layer.params["b_i"][...] = bias, -bias
        else:
            layer.params["b_z"][...] = bias  # z keeps the old state
    return Classifier(layer, 2, embedding=ns.Embedding(len(AGREEMENT_VOCABULARY), 8, rng=rng), rng=rng)


def reach(model, lag):
    """The norm of dL/dstate at the subject over that at the verb."""
    ids, plural = agreement_sentences(BATCH, lag, rng=5)
    words, _ = model.embedding.forward(ids)
    _, state, tape = model.recurrent.forward(words)
    pair = isinstance(state, tuple)  # an LSTM's (h, c)
    logits, head = model.output.forward((state[0] if pair else state)[0])
    dh = model.output.backward(ns.softmax_cross_entropy(logits, plural)[1], head)[0][None]
    dstate = (dh, np.zeros_like(dh)) if pair else dh
    first = next(iter(model.recurrent.params))
    found = ns.inspect.ledger(model.recurrent, None, tape, dstate, max_lag=1, names=[first], pairs=False).adjoints
    size = np.sum([(found[name].astype(float) ** 2).sum(axis=(1, 2)) for name in found], axis=0)
    return float(np.sqrt(size[1] / size[-1]))


def learn(kind, lag, seed, updates):
    """How many verbs of 400 new sentences are right, and the reach before and after training."""
    model, optimizer, rng = classifier(kind, lag, seed), ns.Adam(0.01), np.random.default_rng(100 + seed)
    before = reach(model, lag)
    for _ in range(updates):
        model.step(*agreement_sentences(BATCH, lag, rng), optimizer=optimizer, clip=1)
    ids, plural = agreement_sentences(400, lag, rng=9)
    return float((model.predict(ids) == plural).mean()), before, reach(model, lag)


parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
parser.add_argument("--full", action="store_true", help="up to lag 500, five seeds, kept as JSON")
full = parser.parse_args().full
lags, updates, seeds = ((10, 20, 50, 100, 200, 500), 600, 5) if full else ((10, 40, 100), 120, 1)
found = {kind: [[learn(kind, lag, seed, updates) for seed in range(seeds)] for lag in lags] for kind in KINDS}
result = {"lags": lags, "updates": updates, "hidden": HIDDEN, "right, reach before, reach after": found}
if full:
    RESULT.write_text(json.dumps(result, indent=1) + "\n")

figure = new_figure(10, 4.5)
left, right = figure.subplots(1, 2)
for size, (kind, rows) in zip((15, 12, 9, 6, 3), found.items(), strict=True):  # rings, where points coincide
    values, style = np.array(rows), {"label": kind, "marker": "o", "markersize": size}  # (lags, seeds, 3)
    left.plot(lags, values[:, :, 0].mean(axis=1), **style)
    right.loglog(lags, np.maximum(np.median(values[:, :, 1], axis=1), 1e-45), **style)
    print(f"{kind}: right verbs " + ", ".join(f"{v:.3f} at lag {lag}" for v, lag in
          zip(values[:, :, 0].mean(axis=1), lags, strict=True)))  # fmt: skip
left.axhline(0.5, color="black", linestyle=":", linewidth=1)
left.set(xscale="log", xlabel="steps from the subject to the verb", ylabel="right verbs (a guess: 0.5)")
left.set_title(f"What {updates} updates teach")
left.legend(fontsize=8)
right.set(xlabel="steps from the subject to the verb", ylabel="gradient at the subject over that at the verb")
right.set_title("Before training: what reaches the subject")
save(figure, __file__)

gated = max(np.mean([run[0] for run in found[kind][-1]]) for kind in KINDS[3:])
plain = np.mean([run[0] for run in found["RNN"][-1]])
print(f"right verbs at lag {lags[-1]} with a plain RNN: got {plain:.3f}, expected 0.4 to 0.7")
print(f"right verbs at lag {lags[-1]} with gates near 1: got {gated:.3f}, expected at least 0.95")
