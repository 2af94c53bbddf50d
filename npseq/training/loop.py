"""This module trains for one epoch: it reads the windows, carries the state, and checks that the loss stays finite."""

import math
import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from npseq.arguments import flag, function, instance
from npseq.backend import Array, Seed, array_module, generator
from npseq.losses import perplexity
from npseq.models import LanguageModel
from npseq.models.fitting import NonFiniteLoss
from npseq.optim.optimizer import check_optimizer
from npseq.plot import check_metrics
from npseq.protocols import OptimizerLike
from npseq.training.chunks import chunks
from npseq.training.distributed.shard import Shard
from npseq.training.epoch import Epoch
from npseq.training.interrupts import Interrupted
from npseq.training.metrics import EpochMetrics
from npseq.training.position import Position, copied
from npseq.training.snapshot import Snapshot

DEVICE_CHECK = 32  # steps whose losses are read together on a GPU, because reading a number there waits for it


def train_epoch(
    model: LanguageModel,
    ids: Array,
    optimizer: OptimizerLike,
    epoch: Epoch,
    *,
    rng: Seed = None,
    before: Sequence[EpochMetrics] = (),
    position: Position | None = None,
    on_step: Callable[[float], None] | None = None,
    stop: Callable[[], bool] | None = None,
    shard: Shard | None = None,
    trace_nonfinite: bool = False,
) -> EpochMetrics:
    """Trains on every window of a text once, writes the model's parameters, and returns the epoch's metrics.

    For each batch, in this order: forward, cross-entropy, backpropagation through time, clipping, update (d2l,
    `train_epoch_ch8`). The state is zero at the start of the epoch.

    Args:
        model: the model to train.
        ids: the text (N,).
        optimizer: its `step(params, grads)` makes an update.
        epoch: how the text is read and learnt from.
        rng: draws the windows; a seed or a Generator.
        before: the metrics of the epochs before, from which this epoch has its number and the errors the largest norm.
        position: where to continue in an epoch that was begun; model, optimizer and rng must be as they were there.
        on_step: called after every update with the mean loss of the epoch so far.
        stop: asked after every update but the last; when it is true, the epoch ends with Interrupted and its position.
        shard: this process's columns of every batch, if several processes share it; the metrics are those of all.
        trace_nonfinite: whether a NonFiniteLoss says where the first nan or infinity came from; that costs a copy of
            the model and a look at its parameters every step.

    Raises:
        ValueError: for a text under one batch.
        NonFiniteLoss: as soon as a loss, a norm or a parameter is seen not to be finite.

    Example:
        >>> model = ns.LanguageModel(5, "gru", 8, rng=0)
        >>> how = ns.training.Epoch(batch_size=2, steps=10, clip=1.0)
        >>> ns.training.train_epoch(model, np.arange(100) % 5, ns.Adam(0.01), how, rng=0).epoch
        1
    """
    instance("model", model, LanguageModel, "a LanguageModel")
    instance("epoch", epoch, Epoch, "an Epoch")
    instance("position", position, (Position, type(None)), "a Position or None")
    check_optimizer(optimizer, model.params)
    check_metrics("before", before)
    check_calls(on_step, stop, trace_nonfinite)
    rng = generator(rng)
    begin = Position(0, rng.bit_generator.state) if position is None else position
    windows = begin.windows(ids, epoch, rng)
    if shard is not None:
        windows = shard.own(windows)
    snapshot = Snapshot(model, optimizer, epoch) if trace_nonfinite else None
    watch = _Watch(model, epoch.every * epoch.batch_size, before, begin, snapshot)
    state, start = begin.state, time.perf_counter()
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows ends in a loss that is not finite
        carried = epoch.sampling == "sequential"
        for chunk in islice(chunks(windows, epoch.every, epoch.reach, carried), begin.step, None):
            if stop is not None and watch.seen > begin.step and stop():
                raise Interrupted(watch.position(state, time.perf_counter() - start))
            if snapshot is not None:
                snapshot.take(chunk, None if chunk.fresh else state)
            loss, norm, state = model.step(
                chunk.ids,
                chunk.targets,
                None if chunk.fresh else state,
                optimizer,
                epoch.clip,
                truncation=epoch.truncation,
                context=chunk.context,
                state_at=chunk.state_at if epoch.reach > epoch.every else None,
                all_reduce=None if shard is None else shard.all_reduce,
            )
            watch.add(loss, norm)
            if on_step is not None:
                on_step(watch.mean)
    return watch.metrics(time.perf_counter() - start)


def check_calls(on_step: Any, stop: Any, trace_nonfinite: Any) -> None:
    """Raises TypeError for what a training loop cannot call, or is no flag."""
    for name, call in (("on_step", on_step), ("stop", stop)):
        if call is not None:
            function(name, call)
    flag("trace_nonfinite", trace_nonfinite)


class _Watch:
    """Sums the losses of an epoch, whose updates have so many tokens each, and checks that each is finite.

    Reading a number on a GPU waits for it, so there `pending` collects DEVICE_CHECK steps before `settle` reads them.
    """

    def __init__(
        self,
        model: LanguageModel,
        tokens: int,
        before: Sequence[EpochMetrics],
        begin: Position,
        snapshot: Snapshot | None,
    ):
        self.model, self.tokens, self.begin, self.snapshot = model, tokens, begin, snapshot
        self.epoch = before[-1].epoch + 1 if before else 1
        self.norm_before = max((metrics.grad_norm for metrics in before), default=0.0)
        self.total, self.step, self.epoch_norm = begin.total, begin.step, begin.largest_norm
        on_host = array_module(model.params.flat) is np
        self.together = 1 if on_host or snapshot is not None else DEVICE_CHECK
        self.pending: list[tuple[Array, Array]] = []

    @property
    def seen(self) -> int:
        """Updates of the epoch, the pending ones among them."""
        return self.step + len(self.pending)

    @property
    def mean(self) -> float:
        """The mean loss of the updates that were read, nan before the first."""
        return self.total / (self.tokens * self.step) if self.step else math.nan

    def add(self, loss: Array, norm: Array) -> None:
        self.pending.append((loss, norm))
        if len(self.pending) == self.together:
            self.settle()
        if self.snapshot is not None:
            self.check_parameters()

    def settle(self) -> None:
        """Reads the pending losses."""
        for read_loss, read_norm in self.pending:
            self.step += 1
            loss, norm = float(read_loss), float(read_norm)
            if not math.isfinite(loss) or not math.isfinite(norm):
                self.fail(f"the loss was {loss} and the gradient norm {norm}")
            self.total += loss * self.tokens
            self.epoch_norm = max(self.epoch_norm, norm)
        self.pending.clear()

    def position(self, state: Any, seconds: float) -> Position:
        """The position in the epoch, if all so far is finite; seconds: since the epoch began or was continued."""
        self.settle()
        self.check_parameters()
        seconds += self.begin.seconds
        return Position(self.step, self.begin.drawn, copied(state), self.total, self.epoch_norm, seconds)

    def metrics(self, seconds: float) -> EpochMetrics:
        """The metrics at the end; seconds: as for position."""
        self.settle()
        if self.step == self.begin.step:
            raise ValueError(f"position must lie within the epoch, got one after step {self.step}, its last or beyond")
        self.check_parameters()
        speed = self.tokens * self.step / (seconds + self.begin.seconds)
        return EpochMetrics(self.epoch, self.mean, float(perplexity(self.mean)), self.epoch_norm, speed)

    def check_parameters(self) -> None:
        """Fails if the last update left a parameter that is not finite, which no later loss of the epoch would show."""
        flat = self.model.params.flat
        if not array_module(flat).isfinite(flat).all():
            self.fail("a parameter was not after the update")

    def fail(self, what: str) -> None:
        origin = None if self.snapshot is None else self.snapshot.origin()
        raise NonFiniteLoss(what, self.epoch, self.step, max(self.epoch_norm, self.norm_before), origin)
