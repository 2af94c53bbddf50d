"""One training step beside PyTorch, and JAX where it is installed: python -m benchmarks.training_step

A step is forward, softmax cross-entropy, backward, global-norm clip, SGD, on one-hot tokens. All rivals have the same
number of threads and take turns in one process; the table gives medians and the rival's time over npseq's.
"""

from __future__ import annotations

import argparse
import importlib.util

from threadpoolctl import threadpool_limits

from benchmarks import machine
from benchmarks.rivals import npseq_step
from benchmarks.timing import alternate, summary

SIZES = ((35, 32, 28, 256), (25, 1, 80, 100), (64, 64, 64, 1024))
CELLS = ("rnn", "gru", "lstm")
DTYPES = ("float32", "float64")


def rivals(threads: int) -> dict:
    """Every step maker that is installed, npseq's first."""
    found = {"npseq": npseq_step.step}
    if importlib.util.find_spec("torch"):
        import torch

        from benchmarks.rivals import pytorch

        torch.set_num_threads(threads)
        found["torch"] = pytorch.step
    if importlib.util.find_spec("jax"):
        from benchmarks.rivals import jax_scan

        found["jax"] = jax_scan.step
    return found


def measure(makers: dict, cell: str, size: tuple[int, ...], dtype: str, budget: float, least: int) -> dict:
    steps = {name: make(cell, *size, dtype=dtype) for name, make in makers.items()}
    times = {name: summary(t) for name, t in alternate(steps, budget, least).items()}
    return {"cell": cell, "size": size, "dtype": dtype, **times}


def row(result: dict) -> str:
    own = result["npseq"]["median_ms"]
    cells = [f"{result['cell']:5s}{result['size']!s:22s}{result['dtype']:9s}{own:9.2f}"]
    for rival in ("torch", "jax"):
        if rival in result:
            theirs = result[rival]["median_ms"]
            cells.append(f"{theirs:9.2f}{theirs / own:7.2f}")
    return "".join(cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--budget", type=float, default=4.0, help="seconds a row")
    parser.add_argument("--least", type=int, default=15, help="counted runs of each rival")
    parser.add_argument("--cells", nargs="+", default=CELLS, choices=CELLS)
    parser.add_argument("--dtypes", nargs="+", default=DTYPES, choices=DTYPES)
    parser.add_argument(
        "--sizes", nargs="+", type=int, default=range(len(SIZES)), help="indices into the list of sizes"
    )
    parser.add_argument("--without", nargs="*", default=(), help="rivals to leave out")
    parser.add_argument("--save", metavar="NAME", help="write benchmarks/results/NAME.json")
    options = parser.parse_args()
    makers = {name: make for name, make in rivals(options.threads).items() if name not in options.without}
    print(f"{machine.processor()}, {options.threads} threads; milliseconds a step, and the rival's time over npseq's")
    heads = "".join(f"{name:>9s}{'ratio':>7s}" for name in makers if name != "npseq")
    print(f"{'cell':5s}{'(T, B, V, H)':22s}{'dtype':9s}{'npseq':>9s}{heads}")
    results = []
    with threadpool_limits(options.threads):
        for k in options.sizes:
            for dtype in options.dtypes:
                for cell in options.cells:
                    results.append(measure(makers, cell, SIZES[k], dtype, options.budget, options.least))
                    print(row(results[-1]), flush=True)
    if options.save:
        print(machine.save(options.save, {"machine": machine.describe(options.threads), "results": results}))


if __name__ == "__main__":
    main()
