"""Rivals timed in turn, in one process, so that a machine whose speed drifts is fair to all of them."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median, quantiles
from time import perf_counter, process_time, sleep
from typing import Any

Step = Callable[[], object]
CLOCKS = {"wall": perf_counter, "processor": process_time}  # a process's own time, which other work moves less
SLOW = 0.2  # seconds of a run that fills its own caches in no time
BURST = 0.03  # seconds of runs in a row: as in a training loop, a core is awake and its caches are warm
REST = 0.25  # seconds after which idle threads of the rival before have stopped spinning for more work; 0.05 is too few


def seconds(run: Step, repeats: int, clock: str = "wall") -> list[float]:
    times, now = [], CLOCKS[clock]
    for _ in range(repeats):
        start = now()
        run()
        times.append(now() - start)
    return times


def alternate(
    rivals: dict[str, Step], budget: float, least: int = 15, burst: int = 3, clock: str = "wall"
) -> dict[str, list[float]]:
    """Seconds a run of each rival: warm-up, then bursts of each in turn for `budget` seconds and `least` runs a rival.

    A burst is of at least `burst` runs and BURST seconds. Its first run, after a rest, is not counted: it pays for the
    caches that the rival before it filled. A rival whose runs are slow has bursts of one run, which counts.
    """
    once = {name: _warm(run) for name, run in rivals.items()}
    times: dict[str, list[float]] = {name: [] for name in rivals}
    start = perf_counter()
    while perf_counter() - start < budget or min(map(len, times.values())) < least:
        for name, run in rivals.items():
            sleep(REST)
            runs = max(burst, round(BURST / once[name]))
            times[name] += seconds(run, 1, clock) if once[name] > SLOW else seconds(run, runs + 1, clock)[1:]
    return times


def _warm(run: Step) -> float:
    """Seconds of a run, once compiled and warm."""
    run()
    once = seconds(run, 1)[0]
    return once if once > SLOW else min(seconds(run, 3))


def spread(values: list[float], scale: float = 1.0) -> dict[str, Any]:
    """Median and quartiles, times scale."""
    low, _, high = quantiles(values, n=4) if len(values) > 1 else values * 3
    return {"median": scale * median(values), "low": scale * low, "high": scale * high, "runs": len(values)}


def summary(times: list[float]) -> dict[str, float]:
    """The same in milliseconds, each name with its unit."""
    found = spread(times, 1e3)
    return {**{f"{name}_ms": found[name] for name in ("median", "low", "high")}, "runs": found["runs"]}
