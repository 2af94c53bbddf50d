"""One epoch of training: read the windows, carry the state or not, and watch that the loss stays finite."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np

from npseq.backend import Array, array_module, generator
from npseq.losses import perplexity
from npseq.models import LanguageModel
from npseq.training.chunks import check_chunks, chunks
from npseq.training.distributed.shard import Shard
from npseq.training.interrupts import Interrupted
from npseq.training.metrics import EpochMetrics
from npseq.training.position import Position, copied
from npseq.training.tracing import Trace

DEVICE_CHECK = 32  # a look at a number on a GPU waits for it: losses are looked at so many steps at a time


class NonFiniteLoss(ArithmeticError):
    """Training went astray: a loss, a gradient norm or a parameter is nan or infinite. The parameters are spoilt.

    origin: the first value of the step that was not finite, where that was traced; the parameters are then those
    before the step.
    """

    def __init__(self, what: str, epoch: int, step: int, largest_norm: float, origin: Any = None):
        super().__init__(
            f"the loss must stay finite, but {what} in epoch {epoch}, step {step} (largest gradient norm so far: "
            f"{largest_norm:.4g}); {'' if origin is None else f'{origin}; '}take a smaller lr, or a smaller clip"
        )
        self.epoch, self.step, self.largest_norm, self.origin = epoch, step, largest_norm, origin


def train_epoch(
    model: LanguageModel,
    ids: Array,
    optimizer: Any,
    *,
    batch_size: int,
    steps: int,
    sampling: str = "sequential",
    clip: float | None = None,
    bptt_every: int | None = None,
    bptt_steps: int | None = None,
    truncation: Any = None,
    rng: int | np.random.Generator | None = None,
    epoch: int = 1,
    largest_norm: float = 0.0,
    on_step: Callable[[], None] | None = None,
    trace_nonfinite: bool = False,
    shard: Shard | None = None,
    position: Position | None = None,
    stop: Callable[[], bool] | None = None,
) -> EpochMetrics:
    """Trains on every window of ids (N,) once; writes the model's parameters.

    For each batch, in this order: forward, cross-entropy, backpropagation through time, clipping, update (d2l,
    `train_epoch_ch8`). The state is zero at the start of the epoch. "sequential" carries it from batch to batch, no
    gradient passes there; "sequential-reset" and "random" set it to zero before every batch.
    bptt_every: an update every so many steps, a divisor of `steps`, which is the default. bptt_steps: how many steps
    back each of them reaches, over a window's beginning too where the state is carried; bptt_every is the default.
    See npseq.training.chunks. truncation: of each gradient within that, as a layer's backward takes it.
    epoch and largest_norm, of the epochs before, go into the metrics and errors; on_step is called after every update.
    trace_nonfinite: a NonFiniteLoss says where the first nan or infinity came from; that costs a copy of the model and
    a look at its parameters every step.
    shard: this process's part of every batch, where several share it; the metrics are those of all.
    position: where to go on in an epoch that was begun; model, optimizer and rng must be as they were there.
    stop: asked after every update but the last; where it is true, the epoch ends with Interrupted and its position.
    Raises ValueError for an unknown sampling, a text under one batch, or a bptt_every or bptt_steps that does not fit,
    NonFiniteLoss as soon as one is seen.
    """
    every = steps if bptt_every is None else bptt_every
    reach = every if bptt_steps is None else bptt_steps
    rng = generator(rng)
    begin = Position(0, rng.bit_generator.state) if position is None else position
    windows = begin.windows(ids, batch_size, steps, sampling, rng)
    check_chunks(steps, every, reach)
    if shard is not None:
        windows = shard.own(windows)
    trace = Trace(model, optimizer, clip, truncation) if trace_nonfinite else None
    at_once = trace_nonfinite or array_module(model.params.flat) is np
    watch = _Watch(epoch, largest_norm, 1 if at_once else DEVICE_CHECK, begin, trace)
    state, start = begin.state, time.perf_counter()
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows ends in a loss that is not finite
        for chunk in islice(chunks(windows, every, reach, sampling == "sequential"), begin.step, None):
            if stop is not None and watch.seen > begin.step and stop():
                raise Interrupted(watch.position(model.params.flat, state, time.perf_counter() - start))
            if trace is not None:
                trace.keep(chunk, None if chunk.fresh else state)
            loss, norm, state = model.step(
                chunk.ids,
                chunk.targets,
                None if chunk.fresh else state,
                optimizer,
                clip,
                truncation=truncation,
                context=chunk.context,
                state_at=chunk.state_at if reach > every else None,
                all_reduce=None if shard is None else shard.join,
            )
            watch.add(loss, norm, every * batch_size)
            if trace is not None:
                watch.check_parameters(model.params.flat)
            if on_step is not None:
                on_step()
    return watch.metrics(model.params.flat, every * batch_size, time.perf_counter() - start)


class _Watch:
    """Adds up the losses of an epoch and looks whether each is finite."""

    def __init__(self, epoch: int, largest_norm: float, every: int, begin: Position, trace: Trace | None = None):
        self.epoch, self.every, self.begin, self.trace = epoch, every, begin, trace
        self.total, self.step = begin.total, begin.step
        self.epoch_norm, self.norm_before = begin.largest_norm, largest_norm
        self.pending: list[tuple[Array, Array, int]] = []

    @property
    def seen(self) -> int:
        """Updates of the epoch, those not looked at yet among them."""
        return self.step + len(self.pending)

    def add(self, loss: Array, norm: Array, tokens: int) -> None:
        self.pending.append((loss, norm, tokens))
        if len(self.pending) == self.every:
            self.settle()

    def settle(self) -> None:
        for loss, norm, tokens in self.pending:
            self.step += 1
            loss, norm = float(loss), float(norm)
            if not math.isfinite(loss) or not math.isfinite(norm):
                self.fail(f"the loss was {loss} and the gradient norm {norm}")
            self.total += loss * tokens
            self.epoch_norm = max(self.epoch_norm, norm)
        self.pending.clear()

    def position(self, flat: Array, state: Any, seconds: float) -> Position:
        """Where the epoch stands, if all so far is finite. seconds: since it began, or was gone on with."""
        self.settle()
        self.check_parameters(flat)
        seconds += self.begin.seconds
        return Position(self.step, self.begin.drawn, copied(state), self.total, self.epoch_norm, seconds)

    def metrics(self, flat: Array, tokens: int, seconds: float) -> EpochMetrics:
        """Of the epoch, at its end. tokens: that an update reads; seconds: as for position."""
        self.settle()
        if self.step == self.begin.step:
            raise ValueError(f"position must lie within the epoch, got one after step {self.step}, its last or beyond")
        self.check_parameters(flat)
        tokens, seconds = tokens * self.step, seconds + self.begin.seconds
        mean = self.total / tokens
        return EpochMetrics(self.epoch, mean, float(perplexity(mean)), self.epoch_norm, tokens / seconds)

    def check_parameters(self, flat: Array) -> None:
        """The last update may have spoilt what no later loss of the epoch shows."""
        if not array_module(flat).isfinite(flat).all():
            self.fail("a parameter was not after the update")

    def fail(self, what: str) -> None:
        origin = None if self.trace is None else self.trace.origin()
        raise NonFiniteLoss(what, self.epoch, self.step, max(self.epoch_norm, self.norm_before), origin)
