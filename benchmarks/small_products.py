"""Products with the recurrent weights, plain and as a stack of row blocks: python -m benchmarks.small_products

One thread, float32: W h, W by its rows, and W' da, in microseconds, the tenth percentile of runs. It is what
npseq/bptt/products.py decides by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.machine import headline

CELLS = {"LSTM": (256, 4), "GRU": (256, 3), "RNN": (512, 1)}  # units, gates
BATCHES = (2, 4, 6, 8, 10, 12, 16)
VOCABULARY, ROWS = 28, 64


def microseconds(run: Callable[[], object], runs: int = 40, repeats: int = 40) -> float:
    run()
    times = []
    for _ in range(repeats):
        start = perf_counter()
        for _ in range(runs):
            run()
        times.append((perf_counter() - start) / runs)
    return float(np.percentile(times, 10)) * 1e6


def products(units: int, gates: int, batch: int) -> Iterator[tuple[float, float]]:
    """(plain, stack) of W h and of W' da."""
    rng, rows, columns = np.random.default_rng(0), gates * units, units + VOCABULARY + 1
    W = rng.normal(size=(columns, rows)).astype(np.float32)
    for matrix in (np.ascontiguousarray(W.T), W[:units]):
        x, out = rng.normal(size=(matrix.shape[1], batch)).astype(np.float32), np.empty((len(matrix), batch), "f")
        blocks, into = matrix.reshape(-1, ROWS, matrix.shape[1]), out.reshape(-1, ROWS, batch)
        yield microseconds(lambda: matrix.dot(x, out)), microseconds(lambda: np.matmul(blocks, x, out=into))  # noqa: B023


def main() -> None:
    print(headline(1))
    print("| cell | way |", " | ".join(f"B = {batch}" for batch in BATCHES), "|")
    print("|---|---|" + "---:|" * len(BATCHES))
    with threadpool_limits(1):
        for cell, (units, gates) in CELLS.items():
            found = [list(products(units, gates, batch)) for batch in BATCHES]
            for k, way in enumerate(("plain", "stack")):
                cells = [" ".join(f"{pair[k]:.0f}" for pair in one) for one in found]
                print(f"| {cell} {units} | {way} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
