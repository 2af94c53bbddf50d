"""Trains three small networks and works out what every length of truncation does to their gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import npseq as ns
from npseq.data import AGREEMENT_VOCABULARY, agreement_sentences, load_corpus, sequential_windows
from npseq.initializers import forget_bias
from npseq.inspect.figures import lag_norms
from npseq.models import Classifier
from npseq.training import Epoch, train_epoch

CELLS = {"RNN": ns.RNN, "GRU": ns.GRU, "LSTM": ns.LSTM}
LAG = 20  # words from the subject to the verb
STEPS = 40  # characters in a window of the text


def characters(cell: str) -> Iterator[tuple[str, ns.inspect.Ledger]]:
    """Next characters of the text that every CPython carries, 32 units: a loss at every step."""
    ids, vocab = load_corpus(max_tokens=10_000, clean="letters")
    model, optimizer = ns.LanguageModel(vocab, cell.lower(), 32, dtype=np.float64, rng=0), ns.Adam(0.01)
    x, targets = next(sequential_windows(ids, 8, STEPS, rng=1))

    def look() -> ns.inspect.Ledger:
        y, _, tape = model.recurrent.forward(x)
        logits, output_tape = model.output.forward(y)
        dy, _ = model.output.backward(ns.softmax_cross_entropy(logits, targets)[1], output_tape)
        return ns.inspect.ledger(model.recurrent, dy, tape, pairs=False)

    yield "before training", look()
    for epoch in range(12):
        train_epoch(model, ids, optimizer, Epoch(batch_size=32, steps=STEPS, clip=1), rng=epoch)
    yield "trained", look()


def agreement(cell: str) -> Iterator[tuple[str, ns.inspect.Ledger]]:
    """The verb of "the cat, which ..., was full", 16 units: one loss, LAG steps after the subject was read."""
    layer = CELLS[cell](len(AGREEMENT_VOCABULARY), 16, dtype=np.float64, rng=1)
    if cell == "LSTM":
        forget_bias(layer.params, 2.0)
    model, optimizer, rng = Classifier(layer, 2, rng=3), ns.Adam(0.01), np.random.default_rng(0)
    x, plural = agreement_sentences(64, LAG, rng=5)

    def look() -> ns.inspect.Ledger:
        logits, tape = model.forward(x)
        dlast, _ = model.output.backward(ns.softmax_cross_entropy(logits, plural)[1], tape.output)
        return ns.inspect.ledger(
            model.recurrent, None, tape.recurrent, ns.layers.last_output_gradient(model.recurrent, dlast), pairs=False
        )

    yield "before training", look()
    for _ in range(150):
        model.step(*agreement_sentences(32, LAG, rng), optimizer=optimizer, clip=1)
    yield "trained", look()


TASKS = {
    "characters": ("Next character of a text, a loss at every step", characters),
    "agreement": (f"Was or were: one loss, {LAG} words after the subject", agreement),
}


def lengths(ledger: ns.inspect.Ledger) -> dict[str, list[float]]:
    """By lag |G_k| / |g|; by length 1 to K the relative bias of g_k, and g_k's part along g and across it, over |g|."""
    names = list(ledger.gradient)
    parts = np.concatenate([ledger.per_lag[name].reshape(len(ledger.per_lag[name]), -1) for name in names], axis=1)
    tails = parts[::-1].cumsum(axis=0)[::-1]
    whole, missing = tails[0], np.vstack([tails[1:], np.zeros_like(tails[:1])])
    norm = np.linalg.norm(whole)
    along = missing @ whole / norm**2
    across = np.linalg.norm(missing - along[:, None] * whole, axis=1) / norm
    found = {
        "lags": lag_norms(ledger) / norm,
        "bias": ns.inspect.truncation_bias(ledger).relative,
        "along": 1 - along,
        "across": across,
    }
    return {name: [float(f"{value:.6g}") for value in values] for name, values in found.items()}


def lag_data() -> dict[str, Any]:
    """{task: {"title", "stages": {stage: {cell: lengths}}}}: everything that the page shows."""
    found: dict[str, Any] = {}
    for task, (title, ledgers) in TASKS.items():
        stages: dict[str, dict[str, Any]] = {}
        for cell in CELLS:
            for stage, ledger in ledgers(cell):
                stages.setdefault(stage, {})[cell] = lengths(ledger)
        found[task] = {"title": title, "stages": stages}
    return found
