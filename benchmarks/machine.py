"""What the numbers were measured on."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

RESULTS = Path(__file__).parent / "results"


def describe(threads: int) -> dict[str, Any]:
    """Processor, cores, threads, library versions and the matrix peak, for the JSON that a benchmark leaves."""
    versions = {}
    for package in ("numpy", "scipy", "torch", "jax", "autograd"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "processor": processor(),
        "python": platform.python_version(),
        "threads": threads,
        "blas": sorted(
            {f"{lib['internal_api']} {lib['version']}" for lib in threadpool_info() if lib["user_api"] == "blas"}
        ),
        "versions": versions,
        "commit": commit(),
    }


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {len(names)} cores" if names else platform.processor()


def commit() -> str | None:
    answer = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None


def save(name: str, report: dict[str, Any]) -> Path:
    """Writes benchmarks/results/NAME.json."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(report, indent=1, default=float) + "\n")
    return path


def matrix_peak(dtype: Any, size: int = 1024) -> float:
    """The best of 20 square products, in GFLOP/s."""
    from benchmarks.timing import seconds

    a = np.random.default_rng(0).standard_normal((size, size)).astype(dtype)
    return 2 * size**3 / min(seconds(lambda: a @ a, 20)) / 1e9
