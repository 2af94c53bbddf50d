"""This module trains a model on examples, epoch by epoch, and keeps the best on those that are held out."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any, NamedTuple, Self

import numpy as np

from npseq.arguments import array, array_or_lists, flag, function, integer, within
from npseq.backend import Array, array_module, generator
from npseq.bar import EpochBar
from npseq.clipping import check_limit
from npseq.models.whole import Whole
from npseq.optim import Adam
from npseq.optim.optimizer import check_optimizer
from npseq.protocols import OptimizerLike

RATE = 5e-3  # of Adam, where no optimizer is given


class NonFiniteLoss(ArithmeticError):
    """Training diverged: a loss, a gradient norm or a parameter is nan or infinite.

    After `train_epoch` the parameters are useless; a model's `fit` puts back those of the best epoch before.

    Args:
        what: which of them was not finite.
        epoch: counts from 1.
        step: of the epoch, counts from 1.
        largest_norm: the largest gradient norm of the run so far.
        origin: the first value of the step that was not finite, an npseq.inspect.Nonfinite, where it was traced; the
            parameters are then those before the step.
    """

    def __init__(self, what: str, epoch: int, step: int, largest_norm: float, origin: Any = None):
        super().__init__(
            f"the loss must stay finite, but {what} in epoch {epoch}, step {step} (largest gradient norm so far: "
            f"{largest_norm:.4g}); {'' if origin is None else f'{origin}; '}take a smaller lr, or a smaller clip"
        )
        self.epoch, self.step, self.largest_norm, self.origin = epoch, step, largest_norm, origin


class Plan(NamedTuple):
    """How a model is fitted; its fields are the keyword arguments of `fit`."""

    epochs: int
    batch_size: int
    valid: Any
    optimizer: Any
    clip: float | None
    patience: int | None
    callbacks: tuple[Callable[[Any, dict[str, Any]], Any], ...]
    progress: bool | None
    rng: np.random.Generator


class Fitting(Whole):
    """A model that `fit` trains.

    After it, `history_` is a list with a dict an epoch, and `best_epoch_` the epoch whose parameters were kept.
    """

    fitted: tuple[str, ...] = ("history_", "best_epoch_")
    history_: list[dict[str, float]]
    best_epoch_: int

    def _examples(self, data: Any, targets: Any) -> Any:
        """What fit, evaluate and score are given, as examples."""
        raise NotImplementedError

    def _noted(self, examples: Any) -> Mapping[str, Any]:
        """What fit keeps of the examples, as attributes; asked for once all arguments have been checked."""
        return {}

    def fit(
        self,
        data: Any,
        targets: Any = None,
        *,
        epochs: int = 10,
        batch_size: int = 32,
        valid: Any = 0.1,
        optimizer: OptimizerLike | None = None,
        clip: float | None = 1.0,
        patience: int | None = None,
        callbacks: Any = (),
        progress: bool | None = None,
        rng: Any = 0,
    ) -> Self:
        """Trains on all examples, `epochs` times in random order, and returns the model itself. Writes params.

        Args:
            data, targets: the examples, as the model's class says.
            epochs: how often all examples are read.
            batch_size: examples of a batch.
            valid: the share of examples that is held out, at random, or other data; 0 holds out nothing. The parameters
                of the epoch with the least loss there are kept.
            optimizer: one of ns.optim; None is Adam with a rate of 0.005, which falls over the last half of the epochs.
            clip: the largest gradient norm; None does not clip.
            patience: stops after so many epochs without a smaller held-out loss.
            callbacks: functions of the model and the epoch's dict; one that returns True ends the training.
            progress: whether a bar is shown, with the loss so far; None shows it on a terminal and in a notebook.
            rng: a seed or a Generator, of what is held out and of the order.

        Raises:
            TypeError, ValueError: before anything is learnt, if an argument does not fit.
            NonFiniteLoss: if training diverges; the parameters then are those of the best epoch before, or as given.
        """
        calls = tuple(callbacks) if isinstance(callbacks, list | tuple) else (callbacks,)
        examples = self._examples(data, targets)
        plan = self._plan(
            Plan(epochs, batch_size, valid, optimizer, clip, patience, calls, progress, generator(rng)), examples
        )
        learnt, held = self._held_out(examples, plan)
        if held is None and plan.patience is not None:
            raise ValueError(f"patience needs held-out data, got patience {patience} and valid {valid}; leave it out")
        self.__dict__.update(history_=[], best_epoch_=0, **self._noted(examples))
        seen = plan.progress if plan.progress is not None else "ipykernel" in sys.modules or sys.stderr.isatty()
        bar = EpochBar(plan.epochs, self._updates(learnt, plan.batch_size), "loss {:.4g}".format, disable=not seen)
        with closing(bar.bar):
            self._epochs(learnt, held, plan, bar)
        return self

    def _epochs(self, learnt: Any, held: Any, plan: Plan, bar: EpochBar) -> None:
        """Trains epoch by epoch, and leaves the parameters of the best one."""
        best, least = self.params.flat.copy(), inf
        for epoch in range(1, plan.epochs + 1):
            try:
                row = {"epoch": epoch, **self._epoch(epoch, learnt, held, plan, bar)}
            except NonFiniteLoss:
                self.params.flat = best
                raise
            self.history_.append(row)
            bar.epoch(epoch, ", ".join(f"{name} {value:.4g}" for name, value in row.items() if name != "epoch"))
            found = row.get("held_out_loss", -epoch)  # without a held-out loss the last is the best
            if found < least:
                best, least, self.best_epoch_ = self.params.flat.copy(), found, epoch
            stop = [call(self, row) is True for call in plan.callbacks]
            if any(stop) or (plan.patience is not None and epoch - self.best_epoch_ >= plan.patience):
                break
        self.params.flat = best

    def evaluate(self, data: Any, targets: Any = None, *, batch_size: int = 256) -> float:
        """Returns the mean loss of examples, of all their steps where each has one.

        Args:
            data, targets: as `fit` takes them.
            batch_size: how many are run at a time.
        """
        self.check_finite()
        return self._mean_loss(self._examples(data, targets), integer("batch_size", batch_size))

    def _numbers(self, name: str, value: Any) -> Array:
        """Returns an array of an array or lists, the floating ones in the model's dtype, inf where it has no number.

        Data come as people have them, and are read so by fit, evaluate, score and predict; what computes with arrays,
        a layer or `loss`, refuses another dtype.
        """
        given = array(name, array_or_lists(name, value))
        with np.errstate(over="ignore"):
            return given.astype(self.dtype, copy=False) if given.dtype.kind == "f" else given

    def _features(self, name: str, value: Any) -> Array:
        """The same where no ids may be meant: integers are numbers in the model's dtype, too."""
        given = self._numbers(name, value)
        return given if given.dtype.kind == "c" else given.astype(self.dtype, copy=False)

    def _moved(self, array: np.ndarray) -> Array:
        """Returns on the model's device what the host has read."""
        moved: Array = array_module(self.params.flat).asarray(array)
        return moved

    def _updates(self, examples: Any, batch_size: int) -> int:
        """The updates of an epoch."""
        return -(-len(examples) // batch_size)

    def _plan(self, plan: Plan, examples: Any) -> Plan:
        """Checks a plan, and makes its optimizer."""
        epochs, batch_size = integer("epochs", plan.epochs), integer("batch_size", plan.batch_size)
        if plan.clip is not None:
            check_limit("clip", plan.clip)
        patience = None if plan.patience is None else integer("patience", plan.patience)
        if plan.progress is not None:
            flag("progress", plan.progress)
        for call in plan.callbacks:
            function("callbacks", call)
        optimizer = plan.optimizer
        if optimizer is None:
            optimizer = Adam(Falling(RATE, epochs * self._updates(examples, batch_size)))
        check_optimizer(optimizer, self.params)
        return plan._replace(epochs=epochs, batch_size=batch_size, optimizer=optimizer, patience=patience)

    def _held_out(self, examples: Any, plan: Plan) -> tuple[Any, Any]:
        """What is learnt, and what is held out, or None."""
        if (share := share_of(plan.valid)) is not None:
            if not (count := round(share * len(examples))):
                return examples, None
            order = plan.rng.permutation(len(examples))
            return examples.of(np.sort(order[count:])), examples.of(np.sort(order[:count]))
        pair = isinstance(plan.valid, tuple) and len(plan.valid) == 2 and not hasattr(plan.valid, "_fields")
        return examples, self._examples(*(plan.valid if pair else (plan.valid, None)))

    @np.errstate(over="ignore", invalid="ignore")  # what overflows ends in a loss that is not finite
    def _epoch(self, epoch: int, learnt: Any, held: Any, plan: Plan, bar: EpochBar) -> dict[str, float]:
        """Trains for an epoch; returns its mean loss, the largest gradient norm, and the held-out loss."""
        total = count = norm = 0.0
        step = 0

        def check(finite: bool, what: str) -> None:
            if not finite:
                raise NonFiniteLoss(what, epoch, step, max([norm, *(row["grad_norm"] for row in self.history_)]))

        for step, (found, length, counted) in enumerate(self._train(learnt, plan), start=1):  # noqa: B007
            loss, size = float(found), float(length)
            check(isfinite(loss) and isfinite(size), f"the loss was {loss} and the gradient norm {size}")
            total, count, norm = total + loss * counted, count + counted, max(norm, size)
            bar.step(total / max(count, 1))
        flat = self.params.flat
        check(bool(array_module(flat).isfinite(flat).all()), "a parameter was not after the update")
        row = {"loss": total / max(count, 1), "grad_norm": norm}
        if held is not None:
            row["held_out_loss"] = loss = self._mean_loss(held, plan.batch_size)
            check(isfinite(loss), f"the held-out loss was {loss}")
        return row

    def _train(self, examples: Any, plan: Plan) -> Iterator[tuple[Any, Any, int]]:
        """Makes an epoch's updates, and yields the loss of each, its gradient norm, and how much its loss counts."""
        order = plan.rng.permutation(len(examples))
        for batch in examples.batches(plan.batch_size, order):
            loss, norm, _ = self.step(*batch, optimizer=plan.optimizer, clip=plan.clip)
            yield loss, norm, examples.losses(batch)

    def _mean_loss(self, examples: Any, batch_size: int) -> float:
        total = count = 0.0
        for batch in examples.batches(batch_size, np.arange(len(examples))):
            losses = examples.losses(batch)
            total, count = total + float(self._loss_alone(*batch)) * losses, count + losses
        return total / max(count, 1)

    def _loss_alone(self, *batch: Any) -> Any:
        """The loss of a batch without dropout."""
        return self.loss(*batch)[0]


def share_of(valid: Any) -> float | None:
    """Returns the share that is held out, None where `valid` is other data. Raises ValueError outside of [0, 1)."""
    if valid is None:
        return 0.0
    return within("valid", valid, below=1) if isinstance(valid, int | float | np.number) else None


def no_targets(targets: Any, why: str) -> None:
    """Raises TypeError for targets beside data that have their own."""
    if targets is not None:
        raise TypeError(f"targets must be None: {why}, got another argument")


@dataclass(frozen=True)
class Falling:
    """A learning rate that is constant for half of the steps, and then falls in equal parts to a twentieth."""

    lr: float
    steps: int

    def __call__(self, step: int) -> float:
        return self.lr * max(min(1.0, 2 * (1 - step / self.steps)), 1 / 20)
