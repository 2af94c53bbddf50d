"""Ctrl-C, heard between two steps: the first asks a run to finish its step and stop, a second one stops it at once."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

from npseq.training.position import Position


class Interrupted(KeyboardInterrupt):
    """Training stopped between two updates because it was asked to. position: where in the epoch, None between two."""

    def __init__(self, position: Position | None = None):
        super().__init__("training was asked to stop")
        self.position = position


class StopSignals:
    """While it is entered, these signals do nothing but ask; called, it says whether one has come.

    insist: whether a second one raises KeyboardInterrupt, wherever it comes; otherwise it is the first one said twice.
    number: that of the signal, None before. A signal that the process ignores stays ignored. Outside the main thread,
    which alone can hear signals, none is heard.
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
                if before not in (None, signal.SIG_IGN):  # None: of a program that embeds Python
                    self._before[number] = before
                    signal.signal(number, self._hear)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before.clear()

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self() and self.insist:
            raise KeyboardInterrupt
        self.number = number
