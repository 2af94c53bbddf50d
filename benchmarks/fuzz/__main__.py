"""Random configurations beside arithmetic of 80 bits: python -m benchmarks.fuzz [--count N] [--seconds N] [--save]

Layers, models, losses and optimizers of random kinds, sizes, dtypes, memory layouts, weights and masks. Every entry of
every output and gradient is held against an oracle that shares nothing with npseq, and against PyTorch, where it is
installed and has the same thing. Each finding is printed with the line that repeats it; status 1 if there is one.
"""

from __future__ import annotations

import argparse
import sys
import traceback
import warnings
from collections import Counter
from math import exp
from pathlib import Path
from statistics import fmean
from time import perf_counter
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import npseq
from benchmarks import machine
from benchmarks.fuzz import layers, losses, models, optimizers
from benchmarks.fuzz.arithmetic import has_80_bits
from benchmarks.fuzz.draw import Draw
from benchmarks.fuzz.verdict import Judge

KINDS = {"layers": layers, "models": models, "losses": losses, "optimizers": optimizers}
SHARES = {"layers": 24_000, "models": 4_800, "losses": 9_200, "optimizers": 700}
TOLD = ("form", "cell", "dtype", "truncation", "weights x", "state x", "model", "loss", "optimizer")


class Tally:
    """What was seen of one kind."""

    def __init__(self) -> None:
        self.judge, self.drawn, self.cases = Judge(), Counter[str](), 0
        self.findings: list[str] = []

    def report(self) -> dict[str, Any]:
        seen = {"largest error that passes at once, units": self.judge.worst,
                "largest error over what rounding explains": self.judge.relative}  # fmt: skip
        if self.judge.logarithms:
            seen["error over PyTorch's, geometric mean"] = exp(fmean(self.judge.logarithms))
        return {"cases": self.cases, **self.judge.count, **seen, "findings": len(self.findings),
                "drawn": dict(sorted(self.drawn.items()))}  # fmt: skip


def one(kind: str, seed: int, index: int, tally: Tally) -> list[str]:
    """The findings of one case; none where all is right."""
    at = (seed, list(KINDS).index(kind), index)
    draw = Draw(at)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            case = KINDS[kind].case(draw)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            draw.complaints.append(f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}: {error}")
            case = None
    own = [w for w in warned if w.filename.startswith(npseq.__path__[0])]
    draw.complaints += sorted({f"warning in {Path(w.filename).name}:{w.lineno}: {w.message}" for w in own})
    tally.cases += 1
    tally.drawn.update(f"{name} {draw.told[name]}" for name in TOLD if draw.told.get(name) is not None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = draw.complaints if case is None else tally.judge.findings(case, draw, np.random.default_rng((*at, 1)))
    if not found:
        return []
    return [f"{draw.about()}\n    python -m benchmarks.fuzz --seed {seed} --kind {kind} --only {index}",
            *(f"    {line}" for line in found)]  # fmt: skip


def run(kinds: list[str], count: int, seconds: float, seed: int, show: int = 20) -> dict[str, Tally]:
    """Draws so many cases in all, of all kinds in turn, as long as there is time; prints the first findings."""
    tallies = {kind: Tally() for kind in kinds}
    end = perf_counter() + seconds
    for _ in range(count):
        if perf_counter() > end:
            break
        kind = min(kinds, key=lambda name: (tallies[name].cases + 1) / SHARES[name])
        tally = tallies[kind]
        lines = one(kind, seed, tally.cases, tally)
        if lines:
            tally.findings.append("\n".join(lines))
            if sum(len(other.findings) for other in tallies.values()) <= show:
                print(f"{kind}: " + "\n".join([*lines[:6], *(["    ..."] if len(lines) > 6 else [])]), flush=True)
    return tallies


def summary(kind: str, tally: Tally) -> str:
    seen, wrong = tally.judge.count, len(tally.findings)
    beside = ""
    if seen["beside PyTorch"]:
        beside = (f"; of {seen['beside PyTorch']:,} beside PyTorch, both off in {seen['both differ']:,}, "
                  f"npseq is closer in {seen['npseq closer']:,}, PyTorch in {seen['PyTorch closer']:,}")  # fmt: skip
    return (f"{tally.cases:,} {kind}, {seen['entries']:,} entries in {seen['tensors']:,} tensors, "
            f"{seen['ill-conditioned tensors']:,} of them judged by what rounding alone does{beside}: "
            f"{wrong:,} case{'s' * (wrong != 1)} with findings")  # fmt: skip


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", nargs="*", choices=list(KINDS), default=list(KINDS), help="(default: all)")
    parser.add_argument("--count", type=int, default=0, help="cases in all (default: 38,700, or without end)")
    parser.add_argument("--seconds", type=float, default=0, help="stop after so long (default: never)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="this case of one kind alone")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/fuzz.json")
    options = parser.parse_args(arguments)
    if options.only is not None and len(options.kind) != 1:
        parser.error("--only needs --kind with one name")
    return options


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    if not has_80_bits():
        print("long double has no 80 bits on this machine, so there is no oracle")
        return 2
    start = perf_counter()
    with threadpool_limits(1):
        if options.only is not None:
            lines = one(options.kind[0], options.seed, options.only, Tally())
            print("\n".join(lines) or "all is right")
            return int(bool(lines))
        count = options.count or (sys.maxsize if options.seconds else sum(SHARES[kind] for kind in options.kind))
        tallies = run(options.kind, count, options.seconds or float("inf"), options.seed)
    for kind, tally in tallies.items():
        print(summary(kind, tally))
    if options.save:
        seen = {kind: tally.report() for kind, tally in tallies.items()}
        findings = {kind: tally.findings[:20] for kind, tally in tallies.items() if tally.findings}
        about = {"machine": machine.describe(1), "seed": options.seed, "seconds": perf_counter() - start}
        print(machine.save("fuzz", {**about, "kinds": seen, "findings": findings}))
    return int(any(tally.findings for tally in tallies.values()))


if __name__ == "__main__":
    sys.exit(main())
