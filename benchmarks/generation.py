"""Free-running generation at batch 1 beside PyTorch: python -m benchmarks.generation

Greedy, one-hot characters, V 28, H 256, float32: each token is scored, chosen, and fed back. Rivals take turns.
"""

from __future__ import annotations

import argparse

import numpy as np
from threadpoolctl import threadpool_limits

import npseq as ns
from benchmarks import machine
from benchmarks.timing import alternate, summary

V, H, LENGTH = 28, 256, 300


def torch_generate(cell: str):
    """A function that generates LENGTH tokens with torch.nn, as PyTorch's users write it."""
    import torch
    from torch import nn

    recurrent = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[cell](V, H)
    head = nn.Linear(H, V)

    @torch.inference_mode()
    def run():
        token, state, out = torch.tensor([[0]]), None, []
        for _ in range(LENGTH):
            y, state = recurrent(nn.functional.one_hot(token, V).float(), state)
            token = head(y[-1]).argmax(-1, keepdim=True)
            out.append(token.item())
        return out

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--budget", type=float, default=5.0, help="seconds a row")
    parser.add_argument("--save", metavar="NAME", help="write benchmarks/results/NAME.json")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(options.threads)
    results = []
    print(f"{machine.processor()}, {options.threads} threads; characters a second\ncell      npseq     torch  ratio")
    with threadpool_limits(options.threads):
        for cell in ("rnn", "gru", "lstm"):
            model = ns.LanguageModel(V, cell, H, rng=0)
            rivals = {
                "npseq": lambda model=model: model.generate(np.array([0]), LENGTH),
                "torch": torch_generate(cell),
            }
            times = {name: summary(t) for name, t in alternate(rivals, options.budget).items()}
            rate = {name: LENGTH / t["median_ms"] * 1e3 for name, t in times.items()}
            results.append({"cell": cell, "characters_per_second": rate, **times})
            print(
                f"{cell:5s}{rate['npseq']:10.0f}{rate['torch']:10.0f}{rate['npseq'] / rate['torch']:7.2f}", flush=True
            )
    if options.save:
        print(machine.save(options.save, {"machine": machine.describe(options.threads), "results": results}))


if __name__ == "__main__":
    main()
