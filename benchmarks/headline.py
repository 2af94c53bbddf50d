"""d2l's character models on The Time Machine, beside d2l's official results: python -m benchmarks.headline

First 10,000 characters, batches of 32 windows of 35, 500 epochs, SGD, gradients clipped to norm 1. The perplexity is
d2l's: the average of the last epoch while parameters change. d2l's median and range are over 63 to 80 official builds
a row, 2021 to 2023; they ran on GPUs. With --device gpu npseq does too. Needs NPSEQ_DATA or a network for the book.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

import npseq as ns
from benchmarks import device as gpu
from benchmarks import machine
from npseq.training import Epoch, train_epoch

STEPS, BATCH, EPOCHS, TOKENS = 35, 32, 500, 10_000


class Row(NamedTuple):
    """One line of the table: a model, how it is trained, and what d2l's builds got."""

    title: str
    cell: str
    hidden: int
    layers: int = 1
    lr: float = 1.0
    initializer: str = "uniform"
    sampling: str = "sequential"
    bidirectional: bool = False
    median: float | None = None
    span: str = "not run by d2l"
    wanted: tuple[float, float] = (1.0, np.inf)


ROWS = {
    "rnn-512": Row("RNN-512, N(0, 0.01), state carried", "rnn", 512, initializer="normal", median=1.0, span="1.0-1.2",
                   wanted=(1.0, 1.2)),
    "rnn-512-reset": Row("RNN-512, N(0, 0.01), state reset", "rnn", 512, initializer="normal",
                         sampling="sequential-reset", median=1.4, span="1.2-1.6", wanted=(1.2, 1.6)),
    "rnn-512-random": Row("RNN-512, N(0, 0.01), random windows", "rnn", 512, initializer="normal", sampling="random"),
    "rnn-256": Row("RNN-256", "rnn", 256, median=1.3, span="1.2-1.4", wanted=(1.2, 1.4)),
    "rnn-256-keras": Row("RNN-256, Keras's first values", "rnn", 256, initializer="keras"),
    "gru-256": Row("GRU-256", "gru", 256, median=1.0, span="1.0-1.3", wanted=(1.0, 1.3)),
    "lstm-256": Row("LSTM-256", "lstm", 256, median=1.0, span="1.0-1.2", wanted=(1.0, 1.4)),
    "lstm-256x2": Row("LSTM-256, 2 layers, lr 2", "lstm", 256, layers=2, lr=2.0, median=1.0, span="1.0-1.6",
                      wanted=(1.0, 1.1)),
    "bilstm-256x2": Row("BiLSTM-256, 2 layers (misuse)", "lstm", 256, layers=2, bidirectional=True, median=1.1,
                        span="1.1-1.2", wanted=(1.0, 1.2)),
}  # fmt: skip

NOTES = [  # of the chapter's notes: its framework, the row with the same network, perplexity, tokens a second on a GPU
    ("PyTorch, from scratch", "rnn-512", 1.0, 76_623.6),
    ("PyTorch, nn.RNN", "rnn-256", 1.3, 288_387.8),
    ("TensorFlow, from scratch", "rnn-512", 1.0, 9_968.4),
    ("TensorFlow, SimpleRNNCell", "rnn-256-keras", 1.4, 14_418.1),
]


def run(row: Row, seed: int, epochs: int, device: str) -> dict[str, Any]:
    """Trains one row; what its line says."""
    ids, vocab = ns.data.load_corpus("time-machine", max_tokens=TOKENS)
    rng = np.random.default_rng(seed)
    model = ns.LanguageModel(
        vocab, row.cell, row.hidden, row.layers, initializer=row.initializer, bidirectional=row.bidirectional, rng=rng
    ).to(device)
    if device == "gpu":
        ids = gpu.required().asarray(ids)
    how = Epoch(batch_size=BATCH, steps=STEPS, sampling=row.sampling, clip=1.0)
    optimizer, tokens, start = ns.SGD(row.lr), 0, time.perf_counter()
    for epoch in range(1, epochs + 1):
        metrics = train_epoch(model, ids, optimizer, how, rng=rng)
        tokens += BATCH * STEPS * ((len(ids) - 1 - STEPS) // (BATCH * STEPS))
        if epoch % 100 == 0:
            print(f"  {row.title}: epoch {epoch}, perplexity {metrics.perplexity:.3f}", flush=True)
    seconds = time.perf_counter() - start
    return {
        "title": row.title,
        "seed": seed,
        "epochs": epochs,
        "perplexity": metrics.perplexity,
        "seconds": seconds,
        "tokens_per_second": tokens / seconds,
        "samples": [model.generate(prefix, 50) for prefix in ("time traveller", "traveller")],
        "d2l_median": row.median,
        "d2l_range": row.span,
        "in_band": bool(row.wanted[0] <= round(metrics.perplexity, 1) <= row.wanted[1]),
    }


def table(results: dict[str, dict[str, Any]]) -> str:
    """The rows as markdown, in the order of ROWS."""
    lines = [
        "| model | perplexity | d2l median | d2l range | seconds | characters/s | greedy sample |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in ROWS:
        if name in results:
            r = results[name]
            median = "-" if r["d2l_median"] is None else f"{r['d2l_median']:.1f}"
            lines.append(
                f"| {r['title']} | {r['perplexity']:.3f} | {median} | {r['d2l_range']} | {r['seconds']:.0f} "
                f"| {r['tokens_per_second']:,.0f} | {r['samples'][0]} |"
            )
    return "\n".join(lines)


def notes_table(results: dict[str, dict[str, Any]]) -> str:
    """The notes' speeds beside npseq's on the same work, as markdown."""
    lines = [
        "| the notes | model | perplexity there | here | tokens/s there, on a GPU | here, on two cores |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for framework, row, perplexity, speed in NOTES:
        r = results[row]
        lines.append(
            f"| {framework} | {r['title']} | {perplexity:.1f} | {r['perplexity']:.3f} | {speed:,.1f} "
            f"| {r['tokens_per_second']:,.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="*", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", choices=("cpu", "gpu"))
    options = parser.parse_args()
    about = {} if options.device == "cpu" else gpu.describe(gpu.required())
    name = "headline" if options.device == "cpu" else f"headline_{options.device}"
    with threadpool_limits(options.threads):
        for key in options.rows:
            result = run(ROWS[key], options.seed, options.epochs, options.device)
            result["threads"] = options.threads
            path = machine.RESULTS / f"{name}.json"  # read anew: another process may have added its rows
            results = json.loads(path.read_text())["results"] if path.exists() else {}
            results[key] = result
            machine.save(name, {"machine": {**machine.describe(options.threads), **about}, "results": results})
    print(table({**results}))


if __name__ == "__main__":
    main()
