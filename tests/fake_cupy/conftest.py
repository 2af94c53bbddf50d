"""The parity tests run on the fake CuPy here."""

from __future__ import annotations

import sys

import pytest
from fake_cupy import device_module
from fake_cupy.device import Device
from fake_cupy.device_kernels import COMPILER
from fake_cupy.transfers import no_sync, transfers

from npseq.gpu.settings import CURRENT


@pytest.fixture
def device(monkeypatch):
    module = device_module.make()
    monkeypatch.setitem(sys.modules, "cupy", module)
    for name, other in device_module.further().items():
        monkeypatch.setitem(sys.modules, name, other)
    transfers.reset()
    if COMPILER is None:
        monkeypatch.setattr(CURRENT, "fused", False)
        monkeypatch.setattr(CURRENT, "graphs", False)
    return Device(module, no_sync)
