"""What the numbers were measured on."""

from __future__ import annotations

import importlib.metadata
import json
import os
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
        "blas": blas(),
        "forced": forced(),
        "versions": versions,
        "commit": commit(),
    }


def blas() -> list[str]:
    """The BLAS that NumPy and SciPy multiply with, each with the kernels that it has chosen for this processor."""
    libraries = [lib for lib in threadpool_info() if lib["user_api"] == "blas"]
    return sorted(
        {" ".join(filter(None, (lib["internal_api"], lib["version"], lib.get("architecture")))) for lib in libraries}
    )


def forced() -> dict[str, str]:
    """What the environment makes OpenBLAS choose, against its own judgement of the processor."""
    return {name: os.environ[name] for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE") if name in os.environ}


def headline(threads: int) -> str:
    """One line of it, for the terminal."""
    told = "".join(f"; {name}={value} IN THE ENVIRONMENT" for name, value in forced().items())
    return f"{processor()}, {threads} threads, {', '.join(blas())}{told}"


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
