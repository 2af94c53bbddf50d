"""A million training steps with flat memory, and one sequence of 100,000 steps: python -m benchmarks.soak

Small models, so that what a step leaves behind would show: the resident set and the number of Python's memory blocks
are read 200 times, and a line is fitted through all but the first quarter of them. A flat one has a slope of about 0
bytes a step. The long sequence goes forward and backward at once, and checkpointed; both gradients are compared.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

import npseq as ns
from benchmarks import machine
from npseq.bptt.checkpointing import checkpointed

CELLS = ("rnn", "gru", "lstm")
SAMPLES = 200
FLAT = 0.1  # bytes a step: a million steps would add 0.1 MB


def resident() -> int:
    """Bytes of the resident set now; where /proc is missing, the largest so far."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def training(steps: int, sizes: dict[str, int], rng: int = 0) -> Iterator[float]:
    """Takes this many training steps, the cells in turn; yields each loss."""
    ids = np.random.default_rng(rng).integers(0, sizes["V"], (64, sizes["T"] + 1, sizes["B"]))
    models = [ns.LanguageModel(sizes["V"], cell, sizes["H"], rng=rng) for cell in CELLS]
    optimizers = [ns.Adam(1e-3), ns.SGD(0.1, momentum=0.9), ns.RMSprop(1e-3)]
    states: list[Any] = [None] * len(CELLS)
    for step in range(steps):
        k, window = step % len(CELLS), ids[step // len(CELLS) % len(ids)]
        loss, _, states[k] = models[k].step(window[:-1], window[1:], states[k], optimizers[k], clip=1.0)
        yield float(loss)


def slope(x: list[int], y: list[int]) -> float:
    """Of the line through all but the first quarter of the points."""
    first = len(x) // 4
    return float(np.polyfit(np.array(x[first:], float), np.array(y[first:], float), 1)[0])


def soak(steps: int, sizes: dict[str, int], report: bool = True) -> dict[str, Any]:
    """Memory over the steps, and how it grows."""
    every, start, finite = max(1, steps // SAMPLES), perf_counter(), True
    at, size, blocks = [], [], []
    for step, loss in enumerate(training(steps, sizes), 1):
        finite &= bool(np.isfinite(loss))
        if step % every == 0:
            at.append(step)
            size.append(resident())
            blocks.append(sys.getallocatedblocks())
            if report and len(at) % (SAMPLES // 20) == 0:
                print(f"step {step:>9,}  {size[-1] / 2**20:8.2f} MiB  {blocks[-1]:,} blocks", flush=True)
    return {
        "steps": steps, "sizes": sizes, "finite": finite, "seconds": perf_counter() - start,
        "bytes_a_step": slope(at, size), "blocks_a_step": slope(at, blocks),
        "first_MiB": size[len(size) // 4] / 2**20, "last_MiB": size[-1] / 2**20,
    }  # fmt: skip


def long_sequence(cell: str, T: int, H: int, D: int = 8) -> dict[str, Any]:
    """One sequence of T steps; the loss is the sum of y^2 / 2."""
    layer = {"rnn": ns.RNN, "gru": ns.GRU, "lstm": ns.LSTM}[cell](D, H, rng=0)
    ids = np.random.default_rng(1).integers(0, D, (T, 1))
    start = perf_counter()
    y, _, tape = layer.forward(ids)
    plain = layer.backward(y, tape)[2].flat.astype(np.float64)
    between = perf_counter()
    pieces = checkpointed(layer, ids, lambda first, y: y).grads.flat.astype(np.float64)
    norm = float(np.linalg.norm(plain))
    return {
        "cell": cell, "T": T, "H": H, "seconds": between - start, "checkpointed_seconds": perf_counter() - between,
        "gradient_norm": norm, "finite": bool(np.isfinite(norm)),
        "difference": float(np.linalg.norm(plain - pieces)) / norm,
    }  # fmt: skip


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("steps", 1_000_000), ("T", 2), ("B", 1), ("H", 4), ("V", 5), ("long", 100_000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/soak.json")
    return parser.parse_args()


def main() -> int:
    options = parse()
    rows = []
    for cell in CELLS:
        row = long_sequence(cell, options.long, 16)
        rows.append(row)
        print(f"{cell:5s}T = {row['T']:,}: {row['seconds']:.1f} s, checkpointed {row['checkpointed_seconds']:.1f} s, "
              f"gradients differ by {row['difference']:.1e} of their norm", flush=True)  # fmt: skip
    found = soak(options.steps, {name: getattr(options, name) for name in ("T", "B", "H", "V")})
    flat = abs(found["bytes_a_step"]) <= FLAT
    print(f"{found['steps']:,} training steps: {found['bytes_a_step']:+.4f} bytes a step, "
          f"{found['blocks_a_step']:+.2e} blocks a step: {'flat' if flat else 'GROWING'}")  # fmt: skip
    if options.save:
        print(machine.save("soak", {"machine": machine.describe(1), "training": found, "long": rows}))
    return 0 if flat and found["finite"] and all(row["finite"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
