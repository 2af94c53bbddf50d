"""Options and the header of every run. Tests import from tests/ itself: `from oracles.recurrent import run`."""

from __future__ import annotations

import importlib.metadata
import os

import pytest

ORACLES = ("torch", "keras", "onnxruntime", "jax", "autograd", "mpi4py")

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before NumPy is loaded, so that the workers of `pytest -n` share the cores


def pytest_report_header() -> str:
    """What npseq is compared with in this run; what is missing here is skipped."""
    found = {name: _version(name) for name in ORACLES}
    there = ", ".join(f"{name} {version}" for name, version in found.items() if version)
    lacking = "".join(f", NO {name.upper()}" for name, version in found.items() if not version)
    data = os.environ.get("NPSEQ_DATA")
    return f"oracles: {there}{lacking}; The Time Machine: {data or 'NOT THERE, NPSEQ_DATA is not set'}".replace(
        ": ,", ":"
    )


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fake-cupy", action="store_true", help="run npseq on the fake CuPy: no GPU needed")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--fake-cupy"):
        from fake_cupy import boundary

        boundary.install()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--fake-cupy"):
        from fake_cupy import boundary

        boundary.leave_out(items)
