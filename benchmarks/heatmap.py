"""A training step's speed over PyTorch's against H and B: python -m benchmarks.heatmap --save heatmap

T = 10 and V = 28, float32, one-hot tokens, H from 16 to 2048 and B from 1 to 256. Writes the JSON, and the ratios as a
figure, a panel a cell, and below in compiled loops where Numba is installed: above 1, npseq is faster. They are those
of the lower quartiles, each library's lowest of all passes over the cases, which other work moves less than medians.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.cases import CELLS, TITLES, Case
from benchmarks.plots import figure as begun
from benchmarks.plots import finish
from benchmarks.record import Settings, beside, parser, report, settings_of

LOW = itemgetter("low")
UNITS = (16, 32, 64, 128, 256, 512, 1024, 2048)
BATCHES = (1, 4, 16, 64, 256)
STEPS, VOCABULARY = 10, 28
WAYS = {"npseq": "", "compiled": ", in compiled loops"}


def cases(cells: tuple[str, ...] = CELLS) -> list[Case]:
    return [Case(cell, STEPS, B, VOCABULARY, H) for H in UNITS for B in BATCHES for cell in cells]


def records(settings: Settings) -> Iterator[dict[str, Any]]:
    some = cases()
    for case in some:
        yield beside("heat map", case, settings, settings.budget / len(some))


def lowest(passes: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """For each case and library what it measured in the pass whose lower quartile is the lowest."""
    found = []
    for same in zip(*passes, strict=True):
        measured = {name: min((row["measured"][name] for row in same), key=LOW) for name in same[0]["measured"]}
        found.append({**same[0], "measured": measured})
    return found


def ratio(row: dict[str, Any], own: str = "npseq") -> float:
    """PyTorch's time over npseq's, the lower quartiles."""
    return float(row["measured"]["torch"]["low"] / row["measured"][own]["low"])


def figure(rows: list[dict[str, Any]], threads: int, path: Path) -> Path:
    """The ratios over PyTorch, a panel a cell, colours by their logarithm."""
    ways = [own for own in WAYS if own in rows[0]["measured"]]
    shown, axes = begun(13, 0.6 + 4.2 * len(ways), len(CELLS), len(ways))
    image = None
    for axis, (own, cell) in zip(axes.flat, product(ways, CELLS), strict=True):
        found = {(row["case"]["H"], row["case"]["B"]): ratio(row, own) for row in rows if row["case"]["cell"] == cell}
        table = np.array([[found.get((H, B), np.nan) for B in BATCHES] for H in UNITS])
        image = axis.imshow(np.log2(table), cmap="RdBu", vmin=-3, vmax=3, origin="lower", aspect="auto")
        for (i, j), times in np.ndenumerate(table):
            axis.text(j, i, f"{times:.2g}", ha="center", va="center", color="w" if abs(np.log2(times)) > 1.8 else "k")
        axis.set_xticks(range(len(BATCHES)), BATCHES)
        axis.set_yticks(range(len(UNITS)), UNITS)
        axis.set(xlabel="B, sequences", ylabel="H, hidden units", title=f"{TITLES[cell]}{WAYS[own]}")
    assert image is not None
    bar = shown.colorbar(image, ax=axes, ticks=range(-3, 4))
    bar.ax.set_yticklabels([f"{2.0**tick:g}" for tick in range(-3, 4)])
    bar.set_label("PyTorch's time / npseq's")
    shown.suptitle(
        f"Training steps a second over PyTorch nn, T = {STEPS}, float32, threads: {threads}; above 1 npseq is faster"
    )
    return finish(shown, path)


def main() -> None:
    made = parser(__doc__, 120.0)
    made.add_argument("--passes", type=int, default=2, help="over all cases (default: 2)")
    options = made.parse_args()
    options.rivals = ["compiled", "torch"]
    settings = settings_of(options)
    print(machine.headline(settings.threads))
    passes: list[list[dict[str, Any]]] = [[] for _ in range(options.passes)]
    for rows, row in ((rows, row) for rows in passes for row in records(settings)):
        rows.append(row)
        times = ", ".join(f"{own} {found['low']:.3f} ms" for own, found in row["measured"].items())
        print(f"  {row['name']:40s} {times}", flush=True)
    rows = lowest(passes)
    if options.save:
        path = machine.save(options.save, report(rows, options.threads))
        print(f"{path}, {figure(rows, options.threads, path.with_suffix('.png')).name}")


if __name__ == "__main__":
    main()
