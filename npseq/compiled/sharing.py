"""The columns of a batch are shared by threads, each of which runs the whole loop over time for its own."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from npseq.compiled.tiles import COLUMNS
from npseq.cpu import pools

SMALL = 50_000_000  # operations of all products, half a millisecond, up to which a second thread gains nothing


def shared(function: Callable[..., object], given: tuple[Any, ...], sequences: int, operations: int) -> None:
    """Calls function(*given, (sequences, first, width)) for all columns, on as many threads as BLAS has.

    What a column becomes is the same to the last bit, however many there are beside it.
    """
    count = 1 if operations < SMALL else max((get_threads() for get_threads, _ in pools()), default=1)
    each = -(-sequences // (count * COLUMNS)) * COLUMNS
    first, *others = [(sequences, at, min(each, sequences - at)) for at in range(0, sequences, each)]
    running = [_threads().submit(function, *given, part) for part in others]
    try:
        function(*given, first)
    finally:
        for one in running:
            one.result()


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="npseq")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.cache_clear)  # a process has not the threads of the one it came from
