"""Work on a device, captured as a CUDA graph: launched again by one call, on the same memory.

What the work allocates comes from a memory pool that nothing else uses, so that no other array can take its place. The
work is run once in earnest before, on the stream that captures: kernels are compiled then, and the pool has grown.
While it is captured nothing runs, and what would have the host wait, or copy from the host, is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from npseq.backend import multiplying_with
from npseq.gpu.products import Products
from npseq.gpu.settings import CURRENT


class Captured(NamedTuple):
    """A graph, and what has to live as long as it does."""

    graph: Any
    results: Any  # the arrays that each launch writes
    memory: tuple[Any, ...]

    def launch(self) -> None:
        """On the current stream."""
        self.graph.launch()


def capture(xp: Any, work: Callable[[], Any]) -> tuple[Any, Captured]:
    """What `work` returns, run once, and the same work as a graph that has not been launched yet.

    The host does not wait: the streams wait for each other. Raises what work raises, also where only capturing it does.
    """
    here, side, pool = xp.cuda.get_current_stream(), xp.cuda.Stream(non_blocking=True), xp.cuda.MemoryPool()
    side.wait_event(here.record())
    try:
        with side, xp.cuda.using_allocator(pool.malloc):
            products = Products(xp, CURRENT.tf32).on(side)
            with multiplying_with(products.matmul):
                first = work()
                graph, results = _recorded(side, work)
    finally:
        here.wait_event(side.record())  # also after an error: what `work` has written on may be handed out again
    return first, Captured(graph, results, (pool, products, side))


def _recorded(stream: Any, work: Callable[[], Any]) -> tuple[Any, Any]:
    stream.begin_capture()
    try:
        results = work()
    except BaseException:
        with suppress(RuntimeError):  # a broken capture cannot be ended in peace, and must be ended
            stream.end_capture()
        raise
    return stream.end_capture(), results
