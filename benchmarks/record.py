"""What a benchmark finds, one record a row: the smaller the number, the better. And what it is told."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from threadpoolctl import threadpool_limits

from benchmarks import machine
from benchmarks.cases import Case, operations
from benchmarks.problem import problem
from benchmarks.rivals import agreement, available, build
from benchmarks.timing import CLOCKS, alternate, spread


class Settings(NamedTuple):
    """budget: seconds of measuring for a whole part; least: counted runs of each rival, however long they take."""

    budget: float
    threads: int = 2
    least: int = 7
    rivals: tuple[str, ...] = ("npseq",)
    clock: str = "wall"


def record(part: str, name: str, unit: str, measured: dict[str, dict[str, Any]], **more: Any) -> dict[str, Any]:
    """measured: {rival: spread of its numbers}, npseq's first."""
    return {"part": part, "name": name, "unit": unit, "measured": measured, **more}


def ratios(row: dict[str, Any]) -> dict[str, float]:
    """Each rival's median over npseq's: above 1, npseq is better."""
    own = row["measured"]["npseq"]["median"]
    return {name: found["median"] / own for name, found in row["measured"].items() if name != "npseq"}


def geometric_mean(values: Iterable[float]) -> float:
    logs = [math.log(value) for value in values]
    return math.exp(sum(logs) / len(logs)) if logs else math.nan


def beside(part: str, case: Case, settings: Settings, budget: float, what: str = "step") -> dict[str, Any]:
    """One case: the rivals that can have it, first held against each other, then timed in turn."""
    built = build(list(settings.rivals), problem(case))
    agrees = agreement(built, case.dtype)
    with threadpool_limits(settings.threads):
        steps = {name: getattr(rival, what) for name, rival in built.items()}
        times = alternate(steps, budget, settings.least, clock=settings.clock)
        peak = machine.matrix_peak(case.dtype)
    measured = {name: spread(found, 1e3) for name, found in times.items()}
    work = operations(case, training=what == "step")
    return record(part, case.name, "ms", measured, case=case.to_dict(), operations=work, peak=peak, agreement=agrees)


def line(row: dict[str, Any]) -> str:
    """A row for the terminal."""
    own = row["measured"]["npseq"]
    parts = [f"  {row['name']:52s}{own['median']:10.2f} {row['unit']} ({own['low']:.2f} to {own['high']:.2f})"]
    parts += [f"{name} {ratio:.2f}" for name, ratio in ratios(row).items()]
    return "  ".join(parts)


def parser(about: str | None, budget: float) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    made = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    made.add_argument("--budget", type=float, default=budget, help=f"seconds of measuring (default: {budget:g})")
    made.add_argument("--threads", type=int, default=2, help="of matrix products, for every rival (default: 2)")
    made.add_argument("--least", type=int, default=7, help="counted runs of each rival at least (default: 7)")
    made.add_argument("--clock", choices=CLOCKS, default="wall", help="processor: of all threads (default: wall)")
    made.add_argument("--rivals", nargs="*", help="who is measured beside npseq (default: all that are installed)")
    made.add_argument("--save", metavar="NAME", help="write benchmarks/results/NAME.json, .md and .png")
    return made


def settings_of(options: argparse.Namespace) -> Settings:
    rivals = tuple(available(options.rivals, options.threads))
    return Settings(options.budget, options.threads, options.least, rivals, options.clock)


def report(rows: list[dict[str, Any]], threads: int, **more: Any) -> dict[str, Any]:
    """What goes into the JSON. The matrix peak is the best that was seen while measuring."""
    peaks: dict[str, float] = {}
    for row in rows:
        if "peak" in row:
            dtype = row["case"]["dtype"]
            peaks[dtype] = max(peaks.get(dtype, 0.0), row["peak"])
    return {"machine": {**machine.describe(threads), "matrix_peak_gflops": peaks}, **more, "records": rows}
