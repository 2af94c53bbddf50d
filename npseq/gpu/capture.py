"""Work on a device is captured as a CUDA graph, which one call launches again on the same memory.

The work allocates from a memory pool that nothing else uses, so no other array can take the graph's memory. Before the
capture it runs once, on the stream that captures, which compiles its kernels and grows the pool. During the capture
nothing runs, and an operation that makes the host wait, or copies from the host, is an error.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from npseq.backend import multiplying_with
from npseq.gpu.products import Products
from npseq.gpu.settings import CURRENT


class Captured(NamedTuple):
    """A graph, and the objects that must live as long as it does."""

    graph: Any
    results: Any  # the arrays that each launch writes
    memory: tuple[Any, ...]

    def launch(self) -> None:
        """Launches the graph on the current stream."""
        self.graph.launch()


def capture(xp: Any, work: Callable[[], Any]) -> tuple[Any, Captured]:
    """Runs `work` once and captures it; returns its result, and the graph, which has not been launched yet.

    The host does not wait: the streams wait for each other. Raises what `work` raises when it runs or is captured.
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
        here.wait_event(side.record())  # also after an error: the memory that `work` has written may be reused
    return first, Captured(graph, results, (pool, products, side))


def _recorded(stream: Any, work: Callable[[], Any]) -> tuple[Any, Any]:
    stream.begin_capture()
    try:
        results = work()
    except BaseException:
        with suppress(RuntimeError):  # ending a broken capture raises, but it must be ended
            stream.end_capture()
        raise
    return stream.end_capture(), results
