"""The parity tests run on a real device here; without CuPy or a device, each test is skipped by name."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import pytest
from fake_cupy import device_module
from fake_cupy.device import Device
from fake_cupy.device_queue import state


@pytest.fixture(scope="session")
def real_device() -> Device:
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed")
    try:
        cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        pytest.skip(f"no CUDA device: {error}")
    return Device(cupy, no_sync)


@pytest.fixture
def device(real_device: Device) -> Device:
    return real_device


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A fake CuPy in place of the real one."""
    module = device_module.make()
    monkeypatch.setitem(sys.modules, "cupy", module)
    yield module
    state.recording = None


@contextmanager
def no_sync() -> Iterator[None]:
    """CuPy's own detector, where this version has one: inside, a copy to the host raises."""
    import cupyx

    if not hasattr(cupyx, "allow_synchronize"):
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with cupyx.allow_synchronize(False):
            yield
