"""This module handles Ctrl-C: the first asks a run to finish its step and stop, the second stops it at once."""

import signal
import threading
from types import FrameType
from typing import Any, Self

from npseq.training.position import Position


class Interrupted(KeyboardInterrupt):
    """Training stopped between two updates because it was asked to.

    Args:
        position: where in the epoch it stopped, None between two epochs.
    """

    def __init__(self, position: Position | None = None):
        super().__init__("training was asked to stop")
        self.position = position


class StopSignals:
    """While it is entered, it only records these signals; a call says whether one has arrived, `number` says which.

    insist: whether a second signal raises KeyboardInterrupt at once; otherwise it counts as the first one sent twice.
    A signal that the process ignores stays ignored. Only the main thread can receive signals; elsewhere this does
    nothing.
    """

    def __init__(self, *signals: int, insist: bool = True):
        self.signals, self.insist = signals, insist
        self.number: int | None = None
        self._before: dict[int, Any] = {}

    def __call__(self) -> bool:
        return self.number is not None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in self.signals:
                before = signal.getsignal(number)
                if before not in (None, signal.SIG_IGN):  # None: a program that embeds Python set it
                    self._before[number] = before
                    signal.signal(number, self._record)
        return self

    def __exit__(self, *raised: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before.clear()

    def _record(self, number: int, frame: FrameType | None) -> None:
        if self() and self.insist:
            raise KeyboardInterrupt
        self.number = number
