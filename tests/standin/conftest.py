"""The parity tests' device is the stand-in here."""

from __future__ import annotations

import sys

import pytest
from standin import device_module
from standin.device import Device
from standin.device_kernels import COMPILER
from standin.traffic import no_sync, traffic

from npseq.gpu.settings import CURRENT


@pytest.fixture
def device(monkeypatch):
    module = device_module.make()
    monkeypatch.setitem(sys.modules, "cupy", module)
    traffic.reset()
    if COMPILER is None:
        monkeypatch.setattr(CURRENT, "fused", False)
        monkeypatch.setattr(CURRENT, "graphs", False)
    return Device(module, no_sync)
