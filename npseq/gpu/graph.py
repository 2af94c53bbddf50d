"""The gradients of a training step on a device as a CUDA graph: loss, gradients, their norm and the clip.

A training step launches hundreds of kernels of a few microseconds each, and launching one takes longer than that. After
two plain steps of one shape the third captures the same calls once, and every later step copies its inputs to where
the graph reads them, launches it, and copies out its outputs. The optimizer stays outside: what changes from step to
step, a learning rate or Adam's corrections, is never part of a graph.

The plain steps multiply as the graph does, so it makes no difference to a bit which step of a run was captured: a run
that is resumed continues as one that was never stopped.

The captured graph is verified once: the buffers are filled with nan, the graph is launched, and its results must equal
the plain step's. For that the third step, and no other, waits for the device. Another shape, option, device address of
the parameters or setting than the captured one takes plain launches, and so does every step that cannot be captured; a
fallback is logged once.
"""

import logging
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from npseq.backend import Array, address, array_module, multiplying_with, to_host
from npseq.gpu.capture import Captured, capture
from npseq.gpu.products import Products
from npseq.gpu.settings import CURRENT
from npseq.parameters import Parameters

PLAIN = 2  # steps of a shape before it is captured: the first one compiles, and finds the arrays that the next reuse
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
log = logging.getLogger("npseq")


class Buffers(Protocol):
    """What a step leaves to be written over by the next one of the same shape."""

    @property
    def grads(self) -> Parameters: ...

    def arrays(self) -> list[Array]:
        """Returns all arrays that a step writes on."""


Step = Callable[..., tuple[list[Array], Any]]  # (inputs, buffers, *options) -> (outputs, buffers)


class Static(NamedTuple):
    """A captured step: the arrays that its graph reads and writes, each time the same."""

    captured: Captured
    inputs: list[Array]
    alive: tuple[Buffers, Parameters]  # live as long as the graph


class GraphedStep:
    """The steps of one function; a copy begins anew."""

    def __init__(self) -> None:
        self.key: tuple[Any, ...] | None = None
        self.seen: dict[tuple[Any, ...], int] = {}
        self.static: Static | None = None
        self.products: Products | None = None  # of plain launches
        self.buffers: Any = None  # of plain launches
        self.failed = self.logged = False

    def __reduce__(self) -> tuple[Any, ...]:
        return GraphedStep, ()

    def __call__(self, step: Step, params: Parameters, inputs: list[Array], *options: Any) -> tuple[list[Array], Any]:
        """Returns the outputs and the gradients of a step: plain, captured on the way, or by the graph.

        Args:
            step: the same function every time; step(inputs, buffers, *options) returns its outputs and its buffers.
            params: what the step reads beside its inputs.
            inputs: all arrays that change from step to step.
            options: hashable; what else decides the step.
        """
        work = (step, params, inputs, options)
        if self.failed or not (CURRENT.graphs and params.flat.dtype.name in TOLERANCE):
            return self._stepped(*work)
        key = _key(params, inputs, options)
        if self.static is not None and key == self.key:
            return _replayed(self.static, inputs)
        if self.static is not None:
            self._log("takes plain launches where shapes or options are not those that were captured: %s", key[:2])
            return self._plain(*work)
        self.seen[key] = self.seen.get(key, 0) + 1
        if self.seen[key] <= PLAIN:
            return self._plain(*work)
        self.key = key
        return self._captured(*work)

    def _stepped(
        self, step: Step, params: Parameters, inputs: list[Array], options: tuple[Any, ...]
    ) -> tuple[list[Array], Any]:
        outputs, self.buffers = step(inputs, self.buffers, *options)
        return outputs, self.buffers.grads

    def _plain(self, *work: Any) -> tuple[list[Array], Any]:
        """Plain launches, whose products are those of a graph."""
        xp = array_module(work[1].flat)
        if self.products is None or self.products.tf32 != CURRENT.tf32:
            try:
                self.products = Products(xp, CURRENT.tf32)
            except (OSError, RuntimeError) as error:
                return self._given_up(error, *work)
        with multiplying_with(self.products.on(xp.cuda.get_current_stream()).matmul):
            return self._stepped(*work)

    def _captured(self, *work: Any) -> tuple[list[Array], Any]:
        try:
            result: tuple[list[Array], Any]
            result, self.static = self._capture(*work)
            return result
        except Exception as error:
            return self._given_up(error, *work)

    def _capture(
        self, step: Step, params: Parameters, inputs: list[Array], options: tuple[Any, ...]
    ) -> tuple[Any, Static]:
        xp = array_module(*inputs)
        static = [xp.ascontiguousarray(array).copy() for array in inputs]
        first, captured = capture(xp, lambda: self._stepped(step, params, static, options))
        found = Static(captured, static, (self.buffers, params))
        self.buffers = None
        expected = [array.copy() for array in (*first[0], first[1].flat)]
        _poison(found.alive[0])
        captured.launch()
        outputs, grads = captured.results
        _check(expected, [*outputs, grads.flat])
        return ([output.copy() for output in outputs], grads), found

    def _given_up(self, error: Exception, *work: Any) -> tuple[list[Array], Any]:
        self.failed = True
        self._log("continues with plain launches, it could not become a CUDA graph: %s", error)
        self.buffers = None
        return self._stepped(*work)

    def _log(self, what: str, why: Any) -> None:
        if not self.logged:
            log.warning("npseq: the training step " + what, why)
        self.logged = True


def _key(params: Parameters, inputs: list[Array], options: tuple[Any, ...]) -> tuple[Any, ...]:
    """All that a graph holds for good."""
    shapes, dtypes = (tuple(getattr(array, name, None) for array in inputs) for name in ("shape", "dtype"))
    return shapes, options, dtypes, address(params.flat), CURRENT.fused, CURRENT.tf32


def _poison(buffers: Buffers) -> None:
    """Leaves no number of the plain step where the graph could find it."""
    for array in buffers.arrays():
        if getattr(array, "dtype", np.dtype(bool)).kind == "f":
            array.fill(np.nan)


def _check(expected: list[Array], found: list[Array]) -> None:
    """Raises RuntimeError where a graph gives other numbers than the plain launches."""
    for plain, replayed in zip(map(to_host, expected), map(to_host, found), strict=True):
        scale = np.abs(plain[np.isfinite(plain)]).max(initial=0)
        tolerance = TOLERANCE[plain.dtype.name] * scale
        if not np.allclose(plain, replayed, rtol=0, atol=tolerance, equal_nan=True):
            raise RuntimeError(f"the graph's numbers are not those of plain launches, to {tolerance:.1e}")


def _replayed(static: Static, inputs: list[Array]) -> tuple[list[Array], Any]:
    """Outputs are copies, since they must not change with the next step; the optimizer takes the gradients at once."""
    for place, given in zip(static.inputs, inputs, strict=True):
        place[...] = given
    static.captured.launch()
    outputs, grads = static.captured.results
    return [output.copy() for output in outputs], grads
