"""npseq's own threads, which share a step in compiled loops while those of BLAS rest.

A library's idle threads keep a core busy for some milliseconds, in case there is more to do, and BLAS knows nothing of
the loop over time. So for a training step in compiled loops BLAS is set to one thread, and as many of npseq's as it had
share the loops, by units, and large products, by rows or columns. What does not run in these loops has BLAS's again.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CDLL
from functools import cache
from threading import Lock, get_native_id
from typing import Any

import numpy as np

from npseq.cpu import pools

MOST = 64  # threads of the pool, which begin when they are needed: who waits for others must not keep one of them out
LARGE, LONG = 20_000_000, 1_000_000  # operations of a product, bytes of a copy: about 0.2 ms, from which on it pays

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


def in_step() -> bool:
    """Whether npseq's own threads share a step."""
    return _own > 1


@contextmanager
def together() -> Iterator[int]:
    """How many threads may share what is done inside. One Python thread at a time has them, and all others one."""
    threads = _threads()
    if _own == 1 or not threads.free.acquire(blocking=False):
        yield 1
        return
    try:
        threads.go_elsewhere()
        yield min(_own, _processors(), MOST)
    finally:
        threads.free.release()


def run(call: Callable[[int], Any], count: int, release: Callable[[], None] = lambda: None) -> None:
    """Calls call(part) for every part at once; if one fails, release() ends the waiting of the others."""

    errors = np.geterr()  # what is set for the caller, which a thread does not see

    def guarded(part: int) -> None:
        try:
            with np.errstate(**errors):
                call(part)
        except BaseException:
            release()
            raise

    running = []
    try:
        running += [_threads().pool.submit(guarded, part) for part in range(1, count)]
        call(0)
    except BaseException:
        release()
        raise
    finally:
        for one in running:
            one.result()


def in_parts(function: Callable[[slice], object], length: int) -> None:
    """Calls function(part) for parts of range(length) at once."""
    with together() as count:
        run(lambda part: function(slice(length * part // count, length * (part + 1) // count)), count)


def multiply(a: np.ndarray, b: np.ndarray, out: np.ndarray | None = None, adds: bool = False) -> np.ndarray:
    """a @ b, in parts at once where that pays; out += a @ b if `adds`."""
    if _own == 1 or a.ndim != 2 or b.ndim < 2 or 2 * a.size * b.size < LARGE * b.shape[-2]:
        return _multiply(a, b, out, adds)
    if out is None:
        out = np.empty((*b.shape[:-2], len(a), b.shape[-1]), np.result_type(a, b))
    if b.ndim > 2:
        in_parts(lambda at: _multiply(a, b[at], out[at], adds), len(b))
    elif len(a) > b.shape[1]:
        in_parts(lambda at: _multiply(a[at], b, out[at], adds), len(a))
    else:
        in_parts(lambda at: _multiply(a, b[:, at], out[:, at], adds), b.shape[1])
    return out


def _multiply(a: np.ndarray, b: np.ndarray, out: np.ndarray | None, adds: bool) -> np.ndarray:
    if out is None or not adds:
        return np.matmul(a, b, out=out)
    out += np.matmul(a, b)
    return out


def copy(source: Any, out: Any) -> None:
    """out[...] = source, of NumPy's arrays in parts at once where that pays."""
    if _own == 1 or type(out) is not np.ndarray or out.nbytes < LONG:
        out[...] = source
    else:
        in_parts(lambda at: np.copyto(out[at], source[at]), len(out))


def entrywise(function: Callable[..., Any], *arrays: Any, out: Any) -> Any:
    """function(*arrays, out=out) of each entry, of NumPy's arrays in parts at once where that pays; returns out."""
    if _own == 1 or type(out) is not np.ndarray or out.nbytes < LONG:
        return function(*arrays, out=out)
    axis = max(range(out.ndim), key=lambda k: (out.shape[k] > 1, abs(out.strides[k])))
    whole = [np.broadcast_to(array, out.shape) for array in arrays]

    def part(of: slice) -> None:
        at = (slice(None),) * axis + (of,)
        function(*(array[at] for array in whole), out=out[at])

    in_parts(part, out.shape[axis])
    return out


class _Threads:
    """A pool of threads, and who has them."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.free, self.placed = Lock(), (0, -1)
        from concurrent.futures import ThreadPoolExecutor  # some milliseconds, which few need

        self.pool = ThreadPoolExecutor(
            MOST, thread_name_prefix="npseq", initializer=lambda: self.ids.append(get_native_id())
        )

    def go_elsewhere(self) -> None:
        """Keeps the threads off the processor of the one that calls them.

        A system wakes a thread where the one that called it runs; there the two would take turns.
        """
        own = _processor()
        if own < 0 or (len(self.ids), own) == self.placed:
            return
        self.placed, others = (len(self.ids), own), os.sched_getaffinity(0) - {own}
        for one in self.ids if others else ():
            os.sched_setaffinity(one, others)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _no_processor() -> int:
    return -1


_processor = _no_processor if sys.platform != "linux" else getattr(CDLL(None), "sched_getcpu", _no_processor)


@cache
def _threads() -> _Threads:
    return _Threads()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.cache_clear)  # a process has not the threads of the one it came from
