"""Peak memory of backpropagation over many steps, and the time it takes: python -m benchmarks.memory

Plain backward, checkpointed backward (about sqrt(T) steps and states at a time, or within a budget), and PyTorch's,
plain and with torch.utils.checkpoint over as many pieces. T = 10,000, H = 256, float32, one-hot inputs, and the loss is
the sum of y^2 / 2. Every number is the largest resident set (ru_maxrss) of a process of its own, less that with the
inputs made and nothing computed yet.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from math import isqrt
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.cases import Case
from benchmarks.peak import peaks
from benchmarks.record import Settings, record
from benchmarks.timing import spread

D = 28
CELLS = ("rnn", "gru", "lstm")


def peak() -> int:
    """Bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def npseq_run(cell: str, T: int, B: int, H: int, kind: str) -> Any:
    """A function that returns the gradient's norm. kind: "plain", "checkpointed" or "checkpointed, 4 MiB", a budget."""
    import npseq as ns
    from npseq.layers.checkpointing import checkpointed

    layer = {"rnn": ns.RNN, "gru": ns.GRU, "lstm": ns.LSTM}[cell](D, H, rng=0)
    ids = np.random.default_rng(1).integers(0, D, (T, B))
    budget = int(kind.split()[1]) << 20 if kind.endswith("MiB") else None

    def plain() -> float:
        y, _, tape = layer.forward(ids)
        return float(np.linalg.norm(layer.backward(y, tape)[2].flat))

    def in_pieces() -> float:
        return float(np.linalg.norm(checkpointed(layer, ids, lambda first, y: y, max_bytes=budget).grads.flat))

    return plain if kind == "plain" else in_pieces


def torch_run(cell: str, T: int, B: int, H: int, kind: str) -> Any:
    """The same of torch.nn; its weights are others."""
    import torch
    from torch import nn
    from torch.utils.checkpoint import checkpoint

    torch.manual_seed(0)
    layer = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[cell](D, H)
    x = nn.functional.one_hot(torch.randint(D, (T, B)), D).float()

    def norm() -> float:
        return float(torch.cat([p.grad.reshape(-1) for p in layer.parameters()]).norm())

    def plain() -> float:
        (layer(x)[0] ** 2).sum().div(2).backward()
        return norm()

    def piece(part: Any, *state: Any) -> Any:
        given = None if not state else state if cell == "lstm" else state[0]
        y, state = layer(part, given)
        return ((y**2).sum() / 2, *(state if cell == "lstm" else (state,)))

    def in_pieces() -> float:
        total, state = 0.0, ()
        for part in x.split(isqrt(T - 1) + 1):
            loss, *state = checkpoint(piece, part, *state, use_reentrant=False)
            total = total + loss
        total.backward()
        return norm()

    return plain if kind == "plain" else in_pieces


def measure_here(options: argparse.Namespace) -> dict[str, float]:
    """One measurement, in a process that has done nothing else."""
    library, kind = options.one.split(": ")
    make = {"npseq": npseq_run, "torch": torch_run}[library]
    make(options.cell, 4, options.B, options.H, kind)()  # what a library loads late is not what backward takes
    run = make(options.cell, options.T, options.B, options.H, kind)
    before, start = peak(), perf_counter()
    norm = run()
    return {"seconds": perf_counter() - start, "bytes": peak() - before, "gradient_norm": norm}


def measure(one: str, cell: str, options: argparse.Namespace) -> dict[str, Any]:
    """Medians of some processes."""
    sizes = [f"--{name}={getattr(options, name)}" for name in ("T", "B", "H")]
    command = [sys.executable, "-m", "benchmarks.memory", "--one", one, "--cells", cell, *sizes]
    command += ["--threads", str(options.threads)]
    found = [json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
             for _ in range(options.runs)]  # fmt: skip
    middle = {name: median(run[name] for run in found) for name in found[0]}
    return {"cell": cell, "what": one, "MiB": middle.pop("bytes") / 2**20, **middle}


def records(settings: Settings) -> Iterator[dict[str, Any]]:
    """For the suite: peak memory of a training step; the budget buys runs, since memory does not wander like time."""
    runs = 1 if settings.budget < 60 else 3
    for case in (Case(cell, T, 32, 28, 256) for cell in CELLS for T in (35, 1000)):
        names = [name for name in ("npseq", "torch") if name in settings.rivals]
        measured = {name: spread([b / 2**20 for b in peaks(name, case, runs, settings.threads)]) for name in names}
        yield record("peak memory of a training step", case.name, "MiB", measured)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("T", 10_000), ("B", 8), ("H", 256), ("threads", 2), ("runs", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--budget", type=int, default=4, metavar="MIB", help="of the checkpointed run within a budget")
    parser.add_argument("--cells", nargs="*", default=list(CELLS), choices=CELLS)
    parser.add_argument("--save", metavar="NAME", help="write benchmarks/results/NAME.json")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args()


def limited(threads: int) -> Any:
    from threadpoolctl import threadpool_limits

    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    return threadpool_limits(threads)


def main() -> None:
    options = parse()
    if options.one:
        options.cell = options.cells[0]
        if options.one.startswith("torch"):
            import torch  # noqa: F401
        with limited(options.threads):
            print(json.dumps(measure_here(options)))
        return
    kinds = ["npseq: plain", "npseq: checkpointed", f"npseq: checkpointed, {options.budget} MiB", "torch: plain",
             "torch: checkpointed"]  # fmt: skip
    results = []
    print(f"{machine.headline(options.threads)}; T {options.T}, B {options.B}, H {options.H}; peak and time")
    for cell in options.cells:
        for kind in kinds:
            row = measure(kind, cell, options)
            results.append(row)
            share = row["MiB"] / next(r["MiB"] for r in results if r["cell"] == cell)
            print(
                f"{cell:5s}{kind:30s}{row['MiB']:10.1f} MiB {share:8.1%} of plain {row['seconds']:9.2f} s", flush=True
            )
        norms = [row["gradient_norm"] for row in results if row["cell"] == cell and row["what"].startswith("npseq")]
        print(f"{cell:5s}gradient norms of npseq differ by {np.ptp(norms) / norms[0]:.1e} of them")
    if options.save:
        sizes = {name: getattr(options, name) for name in ("T", "B", "H", "runs", "budget")}
        print(machine.save(options.save, {"machine": machine.describe(options.threads), **sizes, "results": results}))


if __name__ == "__main__":
    main()
