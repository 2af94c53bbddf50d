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
from npseq.layers.checkpointing import checkpointed

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


def soak(steps: int, sizes: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Memory over the steps, and how it grows; what has been found so far, some 20 times, and at the end."""
    every, start, finite = max(1, steps // SAMPLES), perf_counter(), True
    read, count = np.zeros((steps // every, 3)), 0  # made before, or the readings themselves would be what grows
    growth(read[:4] + np.arange(4)[:, None])  # what the first fit loads is not the training's
    for step, loss in enumerate(training(steps, sizes), 1):
        finite &= bool(np.isfinite(loss))
        if step % every == 0:
            read[count] = step, resident(), sys.getallocatedblocks()
            count += 1
            if count % (SAMPLES // 20) == 0:
                yield {"sizes": sizes, "finite": finite, "seconds": perf_counter() - start, **growth(read[:count])}


def growth(read: np.ndarray) -> dict[str, float]:
    """Slopes of the lines through all but the first quarter of readings (N, 3): steps, bytes, blocks of Python's."""
    at, size, blocks = read[len(read) // 4 :].T
    return {
        "steps": int(at[-1]),
        "bytes_a_step": float(np.polyfit(at, size, 1)[0]),
        "blocks_a_step": float(np.polyfit(at, blocks, 1)[0]),
        "first_MiB": size[0] / 2**20,
        "last_MiB": size[-1] / 2**20,
    }


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
    found: dict[str, Any] = {}
    about = machine.describe(1)
    for found in soak(options.steps, {name: getattr(options, name) for name in ("T", "B", "H", "V")}):
        print(f"step {found['steps']:>9,}  {found['last_MiB']:8.2f} MiB  {found['bytes_a_step']:+.4f} bytes a step, "
              f"{found['blocks_a_step']:+.1e} blocks a step", flush=True)  # fmt: skip
        if options.save:
            machine.save("soak", {"machine": about, "training": found, "long": rows})
    flat = abs(found["bytes_a_step"]) <= FLAT
    print(f"{found['steps']:,} training steps: memory {'is flat' if flat else 'GROWS'}")
    return 0 if flat and found["finite"] and all(row["finite"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
