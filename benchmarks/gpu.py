"""A training step on a GPU beside PyTorch, whose recurrent layers are cuDNN's: python -m benchmarks.gpu

Forward, softmax cross-entropy, backward, global-norm clip, SGD, on one-hot tokens, float32. npseq as a CUDA graph and
with plain launches, PyTorch eager and as a CUDA graph, in turn in one process, with TF32 off and on; medians of times
by the device's events. Losses and gradients are compared before anything is timed. Beside each size stands its floor,
from the bytes and operations that no arrangement can leave out and the peaks measured here, and the share reached.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks import device, machine, plots
from benchmarks.cases import CELLS, Case
from benchmarks.floors import Floor, Peak, floor
from benchmarks.problem import Problem, problem
from benchmarks.record import line, parser, ratios, record
from benchmarks.rivals import Built, agreement, on_device
from benchmarks.table import cut, table
from benchmarks.timing import spread
from npseq.gpu import settings

SIZES = ((35, 32, 28, 256), (35, 32, 28, 1024), (128, 64, 64, 512), (256, 128, 28, 1024))  # T, B, V, H
EAGER, GRAPH, PLAIN = "PyTorch eager (cuDNN)", "PyTorch graph (cuDNN)", "npseq, plain launches"
LEAST_EAGER, LEAST_GRAPH, LEAST_SPEED = 1.0, 0.7, 3e6  # at the first size: ratios, and characters a second of the RNN


def rivals(cupy: Any, given: Problem) -> dict[str, Built]:
    """Whoever can run here, npseq first."""
    found = {"npseq": on_device.npseq(cupy, given), PLAIN: on_device.npseq(cupy, given, graphs=False)}
    if on_device.has_cudnn():
        found |= {EAGER: on_device.torch_eager(given), GRAPH: on_device.torch_graph(given)}
    return found


def records(cupy: Any, cases: list[Case], modes: tuple[bool, ...], budget: float, least: int) -> Iterator[dict]:
    """A row for each case and each way of multiplying; modes: TF32 off, on."""
    share = budget / (len(cases) * len(modes))
    for tf32 in modes:
        with settings(tf32=tf32):
            peak = device.peak(cupy, np.float32)
            for case in cases:
                yield measured(cupy, case, tf32, peak, share, least)


def measured(cupy: Any, case: Case, tf32: bool, peak: Peak, budget: float, least: int) -> dict[str, Any]:
    if on_device.has_cudnn():
        on_device.torch_tf32(tf32)
    built = rivals(cupy, problem(case))
    compared = {name: rival for name, rival in built.items() if name != GRAPH}  # it has the eager one's lines
    agrees = None if tf32 else agreement(compared, case.dtype)  # with 10 bits of mantissa there is little to compare
    times = device.alternate(cupy, {name: rival.step for name, rival in built.items()}, budget, least)
    found = {name: spread(values) for name, values in times.items()}
    own = found["npseq"]["median"]
    least_time = floor(case, peak)
    return record(
        f"training step, TF32 {'on' if tf32 else 'off'}",
        case.name,
        "ms",
        found,
        case=case.to_dict(),
        tf32=tf32,
        floor=least_time._asdict(),
        share=least_time.least / own,
        characters_per_second=1e3 * case.T * case.B / own,
        agreement=agrees,
    )


def told(row: dict[str, Any]) -> str:
    """A row for the terminal, with its floor."""
    by = Floor(**row["floor"])
    return (
        f"{line(row)}\n{'':6s}floor {by.least:.3f} ms (operations {by.by_operations:.3f}, bytes {by.by_bytes:.3f}): "
        f"{cut(100 * row['share'], 1)} % reached; {row['characters_per_second']:,.0f} characters/s"
    )


def verdicts(rows: list[dict[str, Any]]) -> list[str]:
    """What has to hold at the first size with TF32 off, and whether it does; nothing for what was not measured."""
    said = []
    for row in rows:
        if row["tf32"] or tuple(row["case"][letter] for letter in "TBVH") != SIZES[0]:
            continue
        found = ratios(row)
        for name, least in ((EAGER, LEAST_EAGER), (GRAPH, LEAST_GRAPH)):
            if name in found:
                said.append(_verdict(f"{row['name']}: ratio over {name}", found[name], least, cut(found[name])))
        if row["case"]["cell"] == "rnn":
            speed = row["characters_per_second"]
            said.append(_verdict(f"{row['name']}: characters a second", speed, LEAST_SPEED, f"{speed:,.0f}"))
    return said


def _verdict(what: str, found: float, least: float, shown: str) -> str:
    return f"{'reached' if found >= least else 'MISSED '} {what} {shown}, wanted {least:,g}"


def floors_table(rows: list[dict[str, Any]]) -> str:
    """The floors as markdown, a row a case."""
    lines = ["| case | TF32 | floor by operations ms | by bytes ms | npseq ms | share of the floor |"]
    lines.append("|---|---|" + "---:|" * 4)
    for row in rows:
        by = Floor(**row["floor"])
        numbers = f"{by.by_operations:.3f} | {by.by_bytes:.3f} | {row['measured']['npseq']['median']:.3f}"
        lines.append(f"| {row['name']} | {'on' if row['tf32'] else 'off'} | {numbers} | {cut(row['share'])} |")
    return "\n".join(lines)


def options_of(arguments: list[str] | None) -> argparse.Namespace:
    made = parser(__doc__, 240.0)
    made.add_argument("--cells", nargs="+", default=CELLS, choices=CELLS)
    made.add_argument("--sizes", nargs="+", type=int, default=range(len(SIZES)), help="indices into the sizes")
    made.add_argument("--tf32", choices=("off", "on", "both"), default="both")
    return made.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options = options_of(arguments)
    cupy = device.required()
    about = device.describe(cupy)
    print(f"{about['device']}; a number behind a name is its time over npseq's")
    if not on_device.has_cudnn():
        print("PyTorch with CUDA is not here: npseq alone is measured")
    cases = [Case(cell, *SIZES[k]) for k in options.sizes for cell in options.cells]
    modes = {"off": (False,), "on": (True,), "both": (False, True)}[options.tf32]
    rows = []
    for row in records(cupy, cases, modes, options.budget, options.least):
        rows.append(row)
        print(told(row), flush=True)
    text = "\n\n".join([table({"machine": {}, "records": rows}), floors_table(rows), "\n".join(verdicts(rows))])
    print(f"\n{text}")
    if options.save:
        content = {"machine": {**machine.describe(options.threads), **about}, "records": rows}
        path = machine.save(options.save, content)
        path.with_suffix(".md").write_text(text + "\n")
        plots.all_of(content, path.with_suffix(""))
        print(f"\n{path}, {path.with_suffix('.md').name}")


if __name__ == "__main__":
    main()
