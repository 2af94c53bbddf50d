"""Greedy, beam and exhaustive search (d2l, "Beam Search"): first d2l's own example, then a trained model."""

import numpy as np
from save_figure import new_figure, save

from npseq import Adam
from npseq.data import load_pairs
from npseq.models import Seq2Seq, beam_search

# d2l's figures: P of A, B, C and <eos>, after each prefix; the second-best second word leads to the best sentence
TABLE = {"": (0.5, 0.2, 0.2, 0.1), "A": (0.1, 0.4, 0.3, 0.2), "AB": (0.2, 0.2, 0.4, 0.2), "AC": (0.1, 0.6, 0.2, 0.1),
         "ABC": (0, 0.2, 0.2, 0.6), "ACB": (0.1, 0.2, 0.1, 0.6)}  # fmt: skip


def step(tokens, prefixes):
    prefixes = [prefix + "ABC"[token] if token >= 0 else "" for token, prefix in zip(tokens, prefixes, strict=True)]
    with np.errstate(divide="ignore"):
        return np.log([TABLE.get(prefix, (0.25,) * 4) for prefix in prefixes]), prefixes


def search(width):
    found = beam_search(step, "", begin=-1, end=3, max_steps=4, beam_size=width, alpha=0)
    return {"".join("ABC."[token] for token in h.tokens): np.exp(h.log_prob) for h in found.ranked}


greedy, beam, exhaustive = search(1), search(3), search(4**4)
print(f"greedy: ABC. of probability {greedy['ABC.']:.3f}; a beam of 3: ACB. of {beam['ACB.']:.3f}")
print("sequences in all:", len(exhaustive), " cost for 10,000 words and 10 steps: 1e40 against 1e5 for greedy search")

# a model: how much likelier the sentences get as the beam widens
pairs = load_pairs("dates", 400)
rng = np.random.default_rng(0)
model = Seq2Seq(pairs.source_vocab, pairs.target_vocab, "gru", 16, 32, 1, rng=rng)
optimizer = Adam(0.01)
for _ in range(12):
    for batch in pairs.batches(40, rng):
        model.step(*batch, optimizer=optimizer, clip=1)
widths, sources = (1, 2, 3, 5, 8), pairs.source.T[:40]
log_probs = [
    [
        model.beam_search(s[:n], width, max_steps=12, alpha=0).best.log_prob
        for s, n in zip(sources, pairs.source_lengths, strict=False)
    ]
    for width in widths
]
means = np.mean(log_probs, axis=1)
print("mean log P of what is found:", dict(zip(widths, means.round(3).tolist(), strict=True)))

figure = new_figure()
axes = figure.subplots()
axes.plot(widths, means, "o-")
axes.set(xlabel="beam size (1 is greedy)", ylabel="mean log P of the translation found (nats)", xticks=widths)
axes.set_title("A wider beam finds likelier sentences")
save(figure, __file__)

print(f"probability of the sequence that greedy search misses: got {beam['ACB.']:.3f}, expected 0.054")
