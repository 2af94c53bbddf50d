"""Copies between the host and the stand-in's device: counted, and refused where there must be none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from standin.device_queue import refused


class HostCopy(RuntimeError):
    """The host waited for the device, or read from it, inside `no_sync`."""


@dataclass
class Traffic:
    """How many arrays went each way since `reset`."""

    to_host: int = 0
    to_device: int = 0
    refused: bool = False

    def reset(self) -> None:
        self.to_host = self.to_device = 0

    def read(self, what: str) -> None:
        """Said before the host reads from the device."""
        refused(what)
        if self.refused:
            raise HostCopy(f"{what} makes the host wait for the device")
        self.to_host += 1


traffic = Traffic()


@contextmanager
def no_sync() -> Iterator[None]:
    """Inside, whatever makes the host wait for the device raises HostCopy: float, bool, print, a mask as an index."""
    before, traffic.refused = traffic.refused, True
    try:
        yield
    finally:
        traffic.refused = before
