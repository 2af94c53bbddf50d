"""A language model's training step on a device as a CUDA graph: loss, gradients, their norm and the clip.

A training step launches hundreds of kernels of a few microseconds each, and launching one takes longer than that. After
two plain steps of one shape the third captures the same calls once, and every later step copies its batch and state to
where the graph reads them, launches it, and copies out loss, norm and state. The optimizer stays outside: what changes
from step to step, a learning rate or Adam's corrections, is never part of a graph.

The plain steps multiply as the graph does, so that it makes no difference to a bit which step of a run was captured:
one that is resumed goes on as one that was never stopped.

The graph is believed when it has given the numbers of the plain step that it was captured from, on buffers spoilt
before; for that the third step, and no other, waits for the device. Another shape, clip, place of the parameters or
setting than the captured one takes plain launches, and so does every step of a model whose step cannot be captured;
either is said once.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from npseq.backend import Array, array_module, multiplying_with, to_host
from npseq.gpu.capture import Captured, capture
from npseq.gpu.products import Products
from npseq.gpu.settings import CURRENT
from npseq.models.step import Buffers, Gradients, Reach
from npseq.parameters import Parameters

if TYPE_CHECKING:
    from npseq.models.language_model import LanguageModel

PLAIN = 2  # steps of a shape before it is captured: the first one compiles, and finds the arrays that the next reuse
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
log = logging.getLogger("npseq")


class Static(NamedTuple):
    """A captured step: the arrays that its graph reads and writes, each time the same."""

    captured: Captured
    inputs: list[Array]  # ids, targets, h and, of an LSTM, c
    grads: Parameters
    kept: Any  # the model's buffers and parameters, which live as long as the graph


class GraphedStep:
    """The steps of one model; a copy of the model begins anew."""

    def __init__(self) -> None:
        self.key: tuple | None = None
        self.seen: dict[tuple, int] = {}
        self.static: Static | None = None
        self.products: Products | None = None  # of plain launches
        self.failed = self.said = False

    def __reduce__(self) -> tuple:
        return GraphedStep, ()

    def __call__(
        self, model: LanguageModel, ids: Array, targets: Array, state: Any, clip: float | None, reach: Reach
    ) -> Gradients:
        """A step's gradients: plain, captured on the way, or by the graph."""
        batch = (ids, targets, state, clip, reach)
        if self.failed or not _can_be_captured(model, ids, reach):
            return model._clipped_gradients(*batch)
        key = _key(model, ids, targets, clip, reach)
        if self.static is not None and key == self.key:
            return _replayed(model, self.static, ids, targets, state)
        if self.static is not None:
            self._say("takes plain launches where shapes or options are not those that were captured: %s", key[:4])
            return self._plain(model, *batch)
        self.seen[key] = self.seen.get(key, 0) + 1
        if self.seen[key] <= PLAIN:
            return self._plain(model, *batch)
        self.key = key
        return self._captured(model, *batch)

    def _plain(self, model: Any, *batch: Any) -> Gradients:
        """Plain launches, whose products are those of a graph."""
        xp = array_module(model.params.flat)
        if self.products is None or self.products.tf32 != CURRENT.tf32:
            try:
                self.products = Products(xp, CURRENT.tf32)
            except (OSError, RuntimeError) as error:
                return self._given_up(error, model, *batch)
        with multiplying_with(self.products.on(xp.cuda.get_current_stream()).matmul):
            return model._clipped_gradients(*batch)

    def _captured(self, model: Any, *batch: Any) -> Gradients:
        inputs = _inputs(model, *batch[:3])  # a wrong argument is the caller's mistake, and no reason to give up
        try:
            step, self.static = _capture(model, inputs, *batch[3:])
            return step
        except Exception as error:
            return self._given_up(error, model, *batch)

    def _given_up(self, error: Exception, model: Any, *batch: Any) -> Gradients:
        self.failed = True
        self._say("goes on with plain launches, it could not become a CUDA graph: %s", error)
        model._buffers = None
        return model._clipped_gradients(*batch)

    def _say(self, what: str, why: Any) -> None:
        if not self.said:
            log.warning("npseq: the training step " + what, why)
        self.said = True


def _can_be_captured(model: Any, ids: Array, reach: Any) -> bool:
    """What the host draws or decides at each step is not: dropout, truncations. Nor is a step of nothing."""
    layer = model.recurrent
    drops = layer.dropout.p > 0 and layer.num_layers > 1
    real = model.params.flat.dtype.name in TOLERANCE
    fixed = not drops and reach.truncation is None
    return CURRENT.graphs and real and fixed and getattr(ids, "size", 0) > 0


def _key(model: Any, ids: Array, targets: Array, clip: float | None, reach: Any) -> tuple:
    """All that a graph holds for good."""
    shapes = (ids.shape, getattr(targets, "shape", None))
    kinds = (ids.dtype, getattr(targets, "dtype", None))
    where = (model.params.flat.data.ptr, CURRENT.fused, CURRENT.tf32)
    return (*shapes, clip, (reach.context, reach.state_at), *kinds, *where)


def _capture(model: Any, inputs: list[Array], clip: float | None, reach: Any) -> tuple[Gradients, Static]:
    xp = array_module(*inputs)
    static = [xp.ascontiguousarray(array).copy() for array in inputs]

    def work() -> Gradients:
        return model._clipped_gradients(static[0], static[1], _state(static[2:]), clip, reach)

    first, captured = capture(xp, work)
    found = Static(captured, static, captured.results.grads, (model._buffers, model.params))
    model._buffers = None
    expected = [first.loss.copy(), first.norm.copy(), first.grads.flat.copy(), *_parts(first.state)]
    _spoil(found.kept[0])
    captured.launch()
    again = captured.results
    _check(expected, [again.loss, again.norm, again.grads.flat, *_parts(again.state)])
    return _copied(again), found


def _spoil(buffers: Buffers) -> None:
    """Leaves no number of the plain step where the graph could find it."""
    buffers.grads.flat.fill(np.nan)
    for array in [*buffers.workspace.arrays(), *(array for row in buffers.tape.strands for s in row for array in s)]:
        if getattr(array, "dtype", np.dtype(bool)).kind == "f":
            array.fill(np.nan)


def _check(expected: list[Array], found: list[Array]) -> None:
    """Raises RuntimeError where a graph gives other numbers than the plain launches."""
    for plain, replayed in zip(map(to_host, expected), map(to_host, found), strict=True):
        scale = np.abs(plain[np.isfinite(plain)]).max(initial=0)
        tolerance = TOLERANCE[plain.dtype.name] * scale
        if not np.allclose(plain, replayed, rtol=0, atol=tolerance, equal_nan=True):
            raise RuntimeError(f"the graph's numbers are not those of plain launches, to {tolerance:.1e}")


def _replayed(model: Any, static: Static, ids: Array, targets: Array, state: Any) -> Gradients:
    inputs = _inputs(model, ids, targets, state)
    for place, given in zip(static.inputs, inputs, strict=True):
        place[...] = given
    static.captured.launch()
    return _copied(static.captured.results)


def _inputs(model: Any, ids: Array, targets: Array, state: Any) -> list[Array]:
    """Everything that a step reads anew, checked as the layers check it."""
    array_module(model.params.flat, ids, targets)  # refuses arrays of two devices
    h, c = model.recurrent.checked_state("state", state, ids.shape[1])
    return [ids, targets, h] if c is None else [ids, targets, h, c]


def _copied(step: Gradients) -> Gradients:
    """What a user keeps must not change with the next step; the gradients are the optimizer's at once."""
    loss, norm, state, grads = step
    parts = [part.copy() for part in _parts(state)]
    return Gradients(loss.copy(), norm.copy(), _state(parts), grads)  # type: ignore[union-attr]


def _parts(state: Any) -> list[Array]:
    return list(state) if isinstance(state, tuple) else [state]


def _state(parts: list[Array]) -> Any:
    return parts[0] if len(parts) == 1 else tuple(parts)
