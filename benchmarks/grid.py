"""A training step beside PyTorch over many cases: python -m benchmarks.grid

Cell by (B, T, H) from (1, 25, 100) to (64, 64, 1024), float32 and float64, one-hot, dense and embedded input, V up to
10,000, 1 to 3 layers, both directions, ragged lengths. The full product has thousands of cases: these are every cell at
every size in both dtypes, and from there every other axis by itself and some of them together. Prints the geometric
mean of PyTorch's time over npseq's and the cases that npseq loses.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from time import perf_counter
from typing import Any

from benchmarks import machine, plots
from benchmarks.cases import CELLS, DTYPES, Case, operations
from benchmarks.record import Settings, beside, geometric_mean, line, parser, ratios, report, settings_of
from benchmarks.table import cut, table

SIZES = ((25, 1, 80, 100), (35, 8, 28, 128), (35, 32, 28, 256), (35, 32, 28, 512), (64, 64, 64, 1024))  # T, B, V, H
BASE = (35, 32, 28, 256)
OTHERS = (
    {"inputs": "dense"},
    {"inputs": "dense", "dtype": "float64"},
    {"inputs": "embedding"},
    {"inputs": "one-hot", "V": 1000},
    {"inputs": "embedding", "V": 1000},
    {"inputs": "embedding", "V": 10_000},
    {"layers": 2},
    {"layers": 3},
    {"layers": 3, "dtype": "float64"},
    {"bidirectional": True},
    {"bidirectional": True, "layers": 2},
    {"ragged": True},
    {"ragged": True, "inputs": "embedding", "bidirectional": True},
    {"ragged": True, "inputs": "dense", "dtype": "float64"},
    {"B": 1, "layers": 2},
    {"B": 1, "T": 100, "H": 128},
    {"T": 1, "B": 256},
    {"T": 200, "B": 8},
)


def cases() -> list[Case]:
    """In an order in which any beginning holds all cells, and small and large in turn."""
    sizes = [Case(cell, *size, dtype) for size in SIZES for dtype in DTYPES for cell in CELLS]
    base = [Case(cell, *BASE)._replace(**other) for other in OTHERS for cell in CELLS]
    return [*sizes, *base]


def shares(some: list[Case], budget: float) -> list[float]:
    """Seconds for each case: a large one needs more for as many runs, but not as much more as it takes."""
    weights = [math.sqrt(operations(case) + 1e8) for case in some]
    return [budget * weight / sum(weights) for weight in weights]


def records(settings: Settings, some: list[Case], patience: float = math.inf) -> Iterator[dict[str, Any]]:
    """patience: seconds after which no further case is begun."""
    start = perf_counter()
    for case, share in zip(some, shares(some, settings.budget), strict=True):
        if perf_counter() - start > patience:
            return
        yield beside("grid", case, settings, share)


def verdict(rows: list[dict[str, Any]], rival: str = "torch") -> str:
    """The geometric mean over all cases and over some kinds of them, and the cases that npseq loses."""
    found = {row["name"]: ratios(row)[rival] for row in rows}
    lost = sorted((ratio, name) for name, ratio in found.items() if ratio < 1)
    mean = cut(geometric_mean(found.values()))
    lines = [f"geometric mean of {rival}'s time over npseq's: {mean} ({len(found)} cases)"]
    for field in ("cell", "dtype", "inputs", "layers", "bidirectional", "ragged"):
        kinds = sorted({row["case"][field] for row in rows})
        means = [geometric_mean(ratios(row)[rival] for row in rows if row["case"][field] == kind) for kind in kinds]
        lines.append(f"  {field}: {', '.join(f'{kind} {cut(mean)}' for kind, mean in zip(kinds, means, strict=True))}")
    lines.append(f"npseq loses {len(lost)} of {len(found)} cases{':' if lost else ''}")
    return "\n".join([*lines, *(f"  {cut(ratio)}  {name}" for ratio, name in lost)])


def main() -> None:
    made = parser(__doc__, 600.0)
    made.set_defaults(least=3, rivals=["torch"])
    made.add_argument("--patience", type=float, default=math.inf, metavar="SECONDS", help="begin no case after so long")
    made.add_argument("--only", default="", metavar="TEXT", help="cases whose name holds this, say 'LSTM' or 'ragged'")
    options = made.parse_args()
    settings = settings_of(options)
    some = [case for case in cases() if options.only in case.name]
    print(f"{machine.headline(settings.threads)}; {len(some)} cases, the rival's time over npseq's")
    rows, start = [], perf_counter()
    for row in records(settings, some, options.patience):
        rows.append(row)
        print(f"{len(rows):3d}/{len(some)} {perf_counter() - start:6.0f} s {line(row)}", flush=True)
    if len(rows) < len(some):
        print(f"out of patience after {options.patience:g} s: {len(some) - len(rows)} cases were not measured")
    print(f"\n{verdict(rows)}")
    if options.save:
        content = report(rows, options.threads, cases_left_out=len(some) - len(rows))
        path = machine.save(options.save, content)
        path.with_suffix(".md").write_text(f"{table(content)}\n\n```\n{verdict(rows)}\n```\n")
        print(f"\n{path}, {path.with_suffix('.md').name}, {plots.grid(rows, path.with_suffix('.png')).name}")


if __name__ == "__main__":
    main()
