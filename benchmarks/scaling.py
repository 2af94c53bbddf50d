"""How time and memory of a training step grow with T and with B: python -m benchmarks.scaling

T from 10 to 10,000 at B = 8 and B from 1 to 256 at T = 35, H = 128, one-hot input, float32, npseq and PyTorch in turn.
An exponent is the slope of log cost over log size, by least squares over the upper half of the sizes, where what a step
costs anyway no longer counts: 1 is linear. Peak memory is that of a process of its own (benchmarks.peak).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import machine, plots
from benchmarks.cases import CELLS, TITLES, Case
from benchmarks.peak import peaks
from benchmarks.problem import problem
from benchmarks.record import Settings, line, parser, ratios, record, report, settings_of
from benchmarks.rivals import build
from benchmarks.table import cut, table
from benchmarks.timing import alternate, spread

STEPS = (10, 30, 100, 300, 1000, 3000, 10_000)
BATCHES = (1, 4, 16, 64, 256)
V, H = 28, 128


def cases(cell: str, most: int) -> dict[str, list[Case]]:
    """By the size that grows."""
    return {
        "T": [Case(cell, steps, 8, V, H) for steps in STEPS if steps <= most],
        "B": [Case(cell, 35, batch, V, H) for batch in BATCHES],
    }


def times(settings: Settings, cells: list[str], most: int) -> Iterator[dict[str, Any]]:
    rows = sum(len(some) for cell in cells for some in cases(cell, most).values())
    for cell in cells:
        for axis, some in cases(cell, most).items():
            for case in some:
                built = build(list(settings.rivals), problem(case))
                with threadpool_limits(settings.threads):
                    steps = {name: rival.step for name, rival in built.items()}
                    found = alternate(steps, settings.budget / rows, settings.least)
                measured = {name: spread(some, 1e3) for name, some in found.items()}
                size = {"axis": axis, "size": getattr(case, axis)}
                yield record(f"time over {axis}", case.name, "ms", measured, case=case.to_dict(), **size)


def memory(settings: Settings, cells: list[str], most: int, runs: int) -> Iterator[dict[str, Any]]:
    for cell in cells:
        for case in cases(cell, most)["T"]:
            if case.T >= 100:  # below that it is lost in what the process holds anyway
                found = {name: peaks(name, case, runs, settings.threads) for name in settings.rivals}
                measured = {name: spread([value / 2**20 for value in some]) for name, some in found.items()}
                size = {"axis": "T", "size": case.T}
                yield record("peak memory over T", case.name, "MiB", measured, case=case.to_dict(), **size)


def exponent(rows: list[dict[str, Any]], name: str) -> float:
    """Of the upper half of the sizes."""
    upper = sorted(rows, key=lambda row: row["size"])[len(rows) // 2 - (len(rows) % 2 == 0) :]
    sizes, costs = zip(*((row["size"], row["measured"][name]["median"]) for row in upper), strict=True)
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def exponents(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry for each part, cell and rival."""
    found = []
    for part in dict.fromkeys(row["part"] for row in rows):
        for cell in dict.fromkeys(row["case"]["cell"] for row in rows):
            some = [row for row in rows if row["part"] == part and row["case"]["cell"] == cell]
            if len(some) > 2:
                slopes = {name: exponent(some, name) for name in some[0]["measured"]}
                found.append({"part": part, "cell": cell, "exponents": slopes})
    return found


def told(rows: list[dict[str, Any]]) -> str:
    lines = ["fitted exponents, 1 is linear:"]
    for entry in exponents(rows):
        slopes = ", ".join(f"{name} {slope:.3f}" for name, slope in entry["exponents"].items())
        lines.append(f"  {entry['part']}, {TITLES[entry['cell']]}: {slopes}")
    peak = [row for row in rows if row["unit"] == "MiB" and "torch" in row["measured"]]
    if peak:
        over = [row for row in peak if ratios(row)["torch"] < 1]
        lines.append(f"cases whose peak memory is above PyTorch's: {len(over)} of {len(peak)}")
        lines += [f"  {row['name']}: PyTorch's is {cut(ratios(row)['torch'], 3)} of it" for row in over]
    return "\n".join(lines)


def picture(rows: list[dict[str, Any]], path: Path) -> Path:
    parts = list(dict.fromkeys(row["part"] for row in rows))
    made, axes = plots.figure(5 * len(parts), 4.6, len(parts))
    slopes = {(entry["part"], entry["cell"]): entry["exponents"] for entry in exponents(rows)}
    for plot, part in zip(axes[0], parts, strict=True):
        mine = [row for row in rows if row["part"] == part]
        for cell in dict.fromkeys(row["case"]["cell"] for row in mine):
            some = [row for row in mine if row["case"]["cell"] == cell]
            for name, style in (("npseq", "-"), ("torch", ":")):
                if name in some[0]["measured"]:
                    sizes, costs = zip(*((r["size"], r["measured"][name]["median"]) for r in some), strict=True)
                    slope = slopes.get((part, cell), {}).get(name)
                    label = f"{TITLES[cell]}, {name}" + ("" if slope is None else f": exponent {slope:.2f}")
                    plot.loglog(sizes, costs, style, marker=plots.MARKS[cell], color=plots.COLOURS[cell], label=label)
        plot.set_xlabel({"T": "T, time steps", "B": "B, sequences of a batch"}[mine[0]["axis"]])
        what = "peak memory" if mine[0]["unit"] == "MiB" else "time"
        plot.set_ylabel(f"{what} of a training step ({mine[0]['unit']})")
        plot.set_title(f"{part}: a slope of 1 is linear")
        plot.legend(fontsize=7, loc="upper left")
    return plots.finish(made, path)


def main() -> None:
    made = parser(__doc__, 600.0)
    made.set_defaults(least=3, rivals=["torch"])
    made.add_argument("--cells", nargs="+", default=CELLS, choices=CELLS)
    made.add_argument("--most", type=int, default=STEPS[-1], metavar="T", help="the longest sequence")
    made.add_argument("--runs", type=int, default=3, help="processes for each peak of memory (default: 3)")
    made.add_argument("--without-memory", action="store_true", help="time alone")
    options = made.parse_args()
    settings, rows = settings_of(options), []
    print(f"{machine.headline(settings.threads)}; the rival's number over npseq's")
    parts = [times(settings, options.cells, options.most)]
    parts += [] if options.without_memory else [memory(settings, options.cells, options.most, options.runs)]
    for part in parts:
        for row in part:
            rows.append(row)
            print(line(row), flush=True)
    print(f"\n{told(rows)}")
    if options.save:
        path = machine.save(options.save, report(rows, options.threads, exponents=exponents(rows)))
        path.with_suffix(".md").write_text(f"{table(report(rows, options.threads))}\n\n```\n{told(rows)}\n```\n")
        print(f"\n{path}, {path.with_suffix('.md').name}, {picture(rows, path.with_suffix('.png')).name}")


if __name__ == "__main__":
    main()
