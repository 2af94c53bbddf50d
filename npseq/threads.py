"""npseq's own threads, which share a step in compiled loops while those of BLAS rest.

A library's idle threads keep a core busy for some milliseconds, in case there is more to do, and BLAS knows nothing of
the loop over time. So for a step that runs in compiled loops BLAS is set to one thread, and as many of npseq's as it had
share the loops, by units, and the large products, by rows. It gets them back for what does not run in these loops.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

import numpy as np

from npseq.cpu import pools

LARGE = 10_000_000  # operations of a product, some hundred microseconds, from which on it is shared

_raised: list[tuple[Callable[[int], None], int]] = []  # how BLAS gets its threads back
_own = 1


def take(share: bool) -> None:
    """Sets BLAS to one thread. share: whether npseq's own take their place."""
    global _own
    for get_threads, set_threads in pools():
        if (count := get_threads()) > 1:
            _raised.append((set_threads, count))
            _own = max(_own, count) if share else 1
            set_threads(1)


def give_back() -> None:
    """Gives BLAS what `take` took."""
    global _own
    _own = 1
    while _raised:
        set_threads, count = _raised.pop()
        set_threads(count)


@contextmanager
def together() -> Iterator[int]:
    """How many threads may share what is done inside. One Python thread at a time has them, and all others one."""
    if _own == 1 or not _threads()[0].acquire(blocking=False):
        yield 1
        return
    try:
        yield _own
    finally:
        _threads()[0].release()


def run(call: Callable[[int], Any], count: int, release: Callable[[], None] = lambda: None) -> None:
    """Calls call(part) for every part at once; if one fails, release() ends the waiting of the others."""

    def guarded(part: int) -> None:
        try:
            call(part)
        except BaseException:
            release()
            raise

    running = []
    try:
        running += [_threads()[1].submit(guarded, part) for part in range(1, count)]
        guarded(0)
    except BaseException:
        release()
        raise
    finally:
        for one in running:
            one.result()


def multiply(a: np.ndarray, b: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """a @ b, in parts at once where that pays."""
    if _own == 1 or a.ndim != 2 or b.ndim < 2 or 2 * a.size * b.size // b.shape[-2] < LARGE:
        return np.matmul(a, b, out=out)
    if out is None:
        out = np.empty((*b.shape[:-2], len(a), b.shape[-1]), np.result_type(a, b))
    with together() as count:
        run(lambda part: _part_of(a, b, out, part, count), count)
    return out


def _part_of(a: np.ndarray, b: np.ndarray, out: np.ndarray, part: int, count: int) -> None:
    """Matrices of a stack, or the rows or columns of which there are more: the other side BLAS copies for each thread."""
    length = max(out.shape) if b.ndim == 2 else len(out)
    at = slice(length * part // count, length * (part + 1) // count)
    if b.ndim > 2:
        np.matmul(a, b[at], out=out[at])
    elif length == len(out):
        np.matmul(a[at], b, out=out[at])
    else:
        np.matmul(a, b[:, at], out=out[:, at])


@cache
def _threads() -> tuple[Lock, ThreadPoolExecutor]:
    return Lock(), ThreadPoolExecutor(thread_name_prefix="npseq")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.cache_clear)  # a process has not the threads of the one it came from
