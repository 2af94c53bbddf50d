"""Copies between the host and the fake device are counted, and refused inside no_sync."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fake_cupy.device_queue import refused


class HostCopy(RuntimeError):
    """The host waited for the device, or read from it, inside `no_sync`."""


@dataclass
class Transfers:
    """The number of arrays copied each way since `reset`."""

    to_host: int = 0
    to_device: int = 0
    refused: bool = False

    def reset(self) -> None:
        self.to_host = self.to_device = 0

    def read(self, what: str) -> None:
        """Counts a read of the host from the device."""
        refused(what)
        if self.refused:
            raise HostCopy(f"{what} makes the host wait for the device")
        self.to_host += 1


transfers = Transfers()


@contextmanager
def no_sync() -> Iterator[None]:
    """Raises HostCopy inside if the host waits for the device: for float, bool, print, a mask as an index."""
    before, transfers.refused = transfers.refused, True
    try:
        yield
    finally:
        transfers.refused = before
