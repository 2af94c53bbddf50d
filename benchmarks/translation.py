"""Seq2seq with d2l's network and settings on 600 pairs of Tatoeba, picked in three ways.

NPSEQ_DATA=FOLDER python -m benchmarks.translation --save translation

d2l's reduction: each sentence's summed cross-entropy over the padded length of 10, these added up over an epoch and
divided by the target tokens. No model gets below the entropy of the pairs, where one source has several targets.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

import npseq as ns
from benchmarks import machine
from npseq.data.pairs import Pairs, load_pairs
from npseq.data.sources import TATOEBA

STEPS, EPOCHS = 10, 300


def drawn(count: int, seed: int) -> Pairs:
    """So many lines drawn from all of the file, as they are."""
    lines = (Path(os.environ["NPSEQ_DATA"]) / TATOEBA.file).read_text(encoding="utf-8").splitlines()
    chosen = np.random.default_rng(seed).choice(len(lines), count, replace=False)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.txt"
        path.write_text("\n".join(lines[i] for i in chosen) + "\n", encoding="utf-8")
        return load_pairs(path, clean="d2l", steps=STEPS, min_freq=2)


def picks() -> dict[str, Pairs]:
    return {
        "the first 600 lines": load_pairs("tatoeba", 600, steps=STEPS, min_freq=2),
        "600 lines drawn from 5,000": drawn(600, seed=0),
        "600 sentences, the first translation of each": load_pairs(
            "tatoeba", 600, steps=STEPS, min_freq=2, distinct_sources=True
        ),
    }


def train(pairs: Pairs, seed: int = 0, epochs: int = EPOCHS) -> dict[str, float]:
    """GRU, 2 layers of 32, embedding 32, dropout 0.1, batch 64, Adam 0.005, clip 1, Xavier."""
    rng = np.random.default_rng(seed)
    model = ns.models.Seq2Seq(pairs.source_vocab, pairs.target_vocab, "gru", dropout=0.1, initializer="xavier", rng=rng)
    optimizer, tokens = ns.Adam(0.005), int(pairs.target_lengths.sum())
    for _ in range(epochs):
        losses = [model.step(*b, optimizer=optimizer, clip=1, reduction="sequence")[0] for b in pairs.batches(64, rng)]
    exact = model.exact_matches(pairs.source, pairs.target, pairs.source_lengths, pairs.target_lengths)
    sources = {tuple(column) for column in pairs.source.T.tolist()}
    return {
        "loss": float(sum(losses)) / tokens,
        "least": pairs.least_loss() / STEPS / tokens,
        "exact": float(exact.mean()),
        "sources": len(sources),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--save", metavar="NAME", help="write benchmarks/results/NAME.json")
    options = parser.parse_args()
    found = {}
    for name, pairs in picks().items():
        found[name] = train(pairs)
        print(name, found[name], flush=True)
    if options.save:
        print(machine.save(options.save, {"machine": machine.describe(1), "results": found}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
