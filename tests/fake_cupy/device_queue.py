"""The fake CuPy has streams, events, graphs and memory pools.

A call on a stream runs at once. While a stream captures, nothing runs: the call is recorded, its result holds no
number, the arrays that it would write stay as they are, and every launch of the graph runs it on the same memory. So a
number that the host put into a captured step, or an array that only that step had, shows in the next one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import numpy as np


class Recording:
    """The calls of one capture."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []
        self.broken: str | None = None


class State:
    recording: Recording | None = None
    busy = False  # inside a call that is being recorded
    stream: Any = None
    pool: Any = None


state = State()


def queued(function: Callable) -> Callable:
    """Makes a function a call on a stream."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if state.recording is None or state.busy:
            return function(*args, **kwargs)
        return _record(state.recording, function, args, kwargs)

    return call


def refused(what: str) -> None:
    """Breaks a capture, from a call that no capture can hold."""
    if state.recording is not None:
        state.recording.broken = what
        raise RuntimeError(f"cudaErrorStreamCaptureUnsupported: {what} while a stream is capturing")


def _record(recording: Recording, function: Callable, args: tuple, kwargs: dict) -> Any:
    given = [array._host for array in _arrays((args, kwargs))]
    before = [host.copy() for host in given]
    with _quiet():
        result = function(*args, **kwargs)
    for host, old in zip(given, before, strict=True):
        if host.flags.writeable:
            host[...] = old
    made = [array._host for array in _arrays(result) if not any(np.may_share_memory(array._host, h) for h in given)]
    for host in made:
        host[...] = np.nan if host.dtype.kind in "fc" else 0  # an index must stay one, or the call would fail

    def again() -> None:
        found = [a._host for a in _arrays(function(*args, **kwargs))]
        fresh = [host for host in found if not any(np.may_share_memory(host, h) for h in given)]
        for host, now in zip(made, fresh, strict=True):
            host[...] = now

    again.__name__ = function.__qualname__
    recording.calls.append(again)
    return result


@contextmanager
def _quiet() -> Iterator[None]:
    state.busy = True
    try:
        yield
    finally:
        state.busy = False


def _arrays(value: Any) -> list[Any]:
    from fake_cupy.device_array import ndarray

    if isinstance(value, ndarray):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (tuple, list)) else ()
    return [array for part in parts for array in _arrays(part)]


class Event:
    """Marks a point of a stream."""

    def __init__(self, block: bool = False, disable_timing: bool = False, interprocess: bool = False):
        self.recorded_on: Any = None
        self.at = 0.0

    def record(self, stream: Any = None) -> None:
        self.recorded_on, self.at = stream or current_stream(), perf_counter()

    def synchronize(self) -> None:
        refused("Event.synchronize")


class Stream:
    """The null stream cannot capture."""

    null: Any = None

    def __init__(self, null: bool = False, non_blocking: bool = False, ptds: bool = False):
        self.is_null, self.waited, self.before = null, [], []
        self.ptr = 0 if null else id(self)

    def __enter__(self) -> Stream:
        self.before.append(state.stream)
        state.stream = self
        return self

    def __exit__(self, *error: Any) -> None:
        state.stream = self.before.pop()

    def record(self, event: Event | None = None) -> Event:
        event = Event() if event is None else event
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        self.waited.append(event.recorded_on)

    def synchronize(self) -> None:
        refused("Stream.synchronize")

    def begin_capture(self, mode: int | None = None) -> None:
        if self.is_null:
            raise RuntimeError("cannot capture on the default (legacy) stream")
        if state.recording is not None:
            raise RuntimeError("cudaErrorIllegalState: a stream is capturing already")
        if current_stream() is not self:
            raise RuntimeError("only the current stream's calls would be captured")
        state.recording = Recording()

    def end_capture(self) -> Graph:
        recording, state.recording = state.recording, None
        if recording is None:
            raise RuntimeError("cudaErrorIllegalState: no stream is capturing")
        if recording.broken:
            raise RuntimeError(f"cudaErrorStreamCaptureInvalidated: {recording.broken}")
        return Graph(recording.calls)

    def is_capturing(self) -> bool:
        return state.recording is not None and current_stream() is self


class Graph:
    """Made by end_capture."""

    def __init__(self, calls: list[Callable[[], None]]):
        self._calls = calls

    def __deepcopy__(self, memo: Any) -> Graph:
        raise TypeError("a Graph cannot be copied")

    def launch(self, stream: Any = None) -> None:
        for call in self._calls:
            call()


class MemoryPool:
    """The memory of new arrays; here every array is fresh, and the pool counts them."""

    def __init__(self) -> None:
        self.blocks = 0

    def malloc(self, size: int) -> int:
        self.blocks += 1
        return size


@contextmanager
def using_allocator(allocator: Any = None) -> Iterator[None]:
    before, state.pool = state.pool, allocator
    try:
        yield
    finally:
        state.pool = before


def elapsed(start: Event, stop: Event) -> float:
    """Milliseconds; here a call on a stream runs at once."""
    return 1e3 * (stop.at - start.at)


def current_stream() -> Any:
    return Stream.null if state.stream is None else state.stream


Stream.null = Stream(null=True)
