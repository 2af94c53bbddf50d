"""A CUDA device as benchmarks see it: its name, its peaks, and times by its own events."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.floors import Peak
from npseq.backend import device_module

SIDE, COPIED = 8192, 1 << 28  # of square products; numbers of a copy
BURST = 10  # steps between two events: an event's own time vanishes, and the host may run ahead


def required() -> Any:
    """CuPy. Ends the process with status 1 and one line where there is none, or no device."""
    try:
        return device_module("gpu")
    except (ImportError, RuntimeError) as error:
        raise SystemExit(f"this benchmark needs CuPy and a CUDA device: {error}") from error


def describe(cupy: Any) -> dict[str, Any]:
    properties, runtime = cupy.cuda.runtime.getDeviceProperties(0), cupy.cuda.runtime
    name = properties["name"]
    versions = {}
    for package in ("cupy-cuda12x", "cupy-cuda13x", "torch"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "device": name.decode() if isinstance(name, bytes) else name,
        "compute_capability": f"{properties['major']}.{properties['minor']}",
        "bytes": int(properties["totalGlobalMem"]),
        "cuda": {"driver": runtime.driverGetVersion(), "runtime": runtime.runtimeGetVersion()},
        "versions": versions,
    }


def milliseconds(cupy: Any, run: Callable[[], object], times: int) -> float:
    """Of one run among so many in a row, by events on the device. What other libraries do there counts too, as long as
    they use the default stream."""
    start, stop = cupy.cuda.Event(), cupy.cuda.Event()
    start.record()
    for _ in range(times):
        run()
    stop.record()
    stop.synchronize()
    return cupy.cuda.get_elapsed_time(start, stop) / times


def alternate(
    cupy: Any, rivals: dict[str, Callable[[], object]], budget: float, least: int, warm: int = 5
) -> dict[str, list[float]]:
    """Milliseconds a run of each rival: warm-up, then bursts of each in turn, for `budget` seconds and `least` bursts.

    The first run of a burst is not counted: the rival before it has filled the caches.
    """
    for run in rivals.values():
        for _ in range(warm):
            run()
    found: dict[str, list[float]] = {name: [] for name in rivals}
    begun = perf_counter()
    while perf_counter() - begun < budget or min(map(len, found.values())) < least:
        for name, run in rivals.items():
            run()
            found[name].append(milliseconds(cupy, run, BURST))
    return found


def peak(cupy: Any, dtype: Any, side: int = SIDE, copied: int = COPIED) -> Peak:
    """The best of a few large products and copies."""
    a, out = cupy.ones((side, side), dtype), cupy.empty((side, side), dtype)
    flat, other = cupy.ones(copied, np.float32), cupy.empty(copied, np.float32)
    product = min(milliseconds(cupy, lambda: cupy.matmul(a, a, out=out), 3) for _ in range(5))
    copy = min(milliseconds(cupy, lambda: cupy.copyto(other, flat), 3) for _ in range(5))
    return Peak(2 * side**3 / product * 1e3, 2 * flat.nbytes / copy * 1e3)
