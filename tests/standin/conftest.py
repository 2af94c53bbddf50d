"""The parity tests' device is the stand-in here."""

from __future__ import annotations

import sys

import pytest
from standin import device_module
from standin.device import Device
from standin.traffic import no_sync, traffic


@pytest.fixture
def device(monkeypatch):
    module = device_module.make()
    monkeypatch.setitem(sys.modules, "cupy", module)
    traffic.reset()
    return Device(module, no_sync)
