"""Rivals timed in turn, in one process, so that a machine whose speed drifts is fair to all of them."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median, quantiles
from time import perf_counter

Step = Callable[[], object]


def seconds(run: Step, repeats: int) -> list[float]:
    times = []
    for _ in range(repeats):
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
    return times


def alternate(rivals: dict[str, Step], budget: float, least: int = 15, burst: int = 3) -> dict[str, list[float]]:
    """Seconds a run of each rival: warm-up, then bursts of each in turn for `budget` seconds and `least` runs a rival.

    Of each burst the first run is not counted: it pays for the caches that the rival before it filled.
    """
    for run in rivals.values():
        seconds(run, 3)
    times: dict[str, list[float]] = {name: [] for name in rivals}
    start = perf_counter()
    while perf_counter() - start < budget or min(map(len, times.values())) < least:
        for name, run in rivals.items():
            times[name] += seconds(run, burst + 1)[1:]
    return times


def summary(times: list[float]) -> dict[str, float]:
    """Median and quartiles, in milliseconds."""
    low, _, high = quantiles(times, n=4)
    return {"median_ms": 1e3 * median(times), "low_ms": 1e3 * low, "high_ms": 1e3 * high, "runs": len(times)}
