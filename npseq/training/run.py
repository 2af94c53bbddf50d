"""A training run trains a model epoch by epoch, and writes down in its folder how far it has come."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np

from npseq.arguments import array, flag, instance, mapping
from npseq.backend import Array, device_module
from npseq.data import random_windows
from npseq.files import as_path, damage_in
from npseq.losses import perplexity
from npseq.models import LanguageModel
from npseq.shown import in_notebooks
from npseq.training.checkpoint import Checkpoint, load_checkpoint
from npseq.training.config import TrainingConfig, make_optimizer
from npseq.training.distributed.shard import Shard
from npseq.training.folder import MODEL, Folder
from npseq.training.heldout import best, loss, over, split, usual_epochs
from npseq.training.interrupts import Interrupted
from npseq.training.loop import check_calls, train_epoch
from npseq.training.metrics import EpochMetrics, table
from npseq.training.position import Position, check_within
from npseq.training.resources import limited, precision
from npseq.training.resumption import changed, digest, text_of
from npseq.training.samples import due, prefixes_of, samples_of


@in_notebooks
class Run:
    """A model, its text and its folder after len(metrics) epochs; `begin` and `resume` make one.

    Its `position` is that of its checkpoint in the next epoch, None at the beginning.

    Args:
        checkpoint: what the run continues from.
        ids: the text to learn (N,).
        out: the folder.
        held: the text that is held out (M,), None for none.

    Example:
        >>> config = ns.training.TrainingConfig(hidden_size=4, epochs=2, max_tokens=2000)
        >>> run = ns.training.Run.begin(config, "example")
        >>> [metrics.epoch for metrics in run.epochs()], run.progress
        ([1, 2], '2 of 2 epochs')
    """

    def __init__(self, checkpoint: Checkpoint, ids: Array, out: Path, held: Array | None = None):
        self.config, self.out, self.folder = checkpoint.config, out, Folder(out)
        self.model, self.rng, self.metrics = checkpoint.model, checkpoint.rng, list(checkpoint.metrics)
        self.text_digest, self.position = checkpoint.text_digest, checkpoint.position
        self._whole = True  # whether the run is where its checkpoint is
        self._iterated = False  # whether an iterator over its epochs has begun and not ended
        self.shard: Shard | None = None  # its columns of every batch, if several processes share the run
        xp = device_module(self.config.device)
        self.ids = xp.asarray(array("ids", ids))
        self.held = None if held is None else xp.asarray(array("held", held))
        if xp is not np:
            self.model.to(self.config.device)
        self.optimizer = make_optimizer(self.config, self.config.epochs * self.config.updates(len(ids)))
        state = checkpoint.optimizer_state
        self.optimizer.load_state_dict({k: xp.asarray(v) if hasattr(v, "shape") else v for k, v in state.items()})

    @classmethod
    def begin(cls, config: TrainingConfig, out: str | PathLike[str], *, overwrite: bool = False) -> Self:
        """Makes a new run and writes its first checkpoint, that of the untrained model.

        Args:
            config: the options.
            out: the folder, made if it is not there.
            overwrite: whether to replace a run that is there.

        Raises:
            FileExistsError: if `out` holds a run and overwrite is False, or files of these names that are not npseq's.
            OSError: if it cannot be written, or another process trains in it.
            ValueError: for an impossible text, before anything is written.
        """
        instance("config", config, TrainingConfig, "a TrainingConfig")
        out = as_path(out, "out")
        Folder(out).check_new(flag("overwrite", overwrite))
        device_module(config.device)
        text, vocabulary = config.load_corpus()
        random_windows(text, config.batch_size, config.steps, 0)  # refuses a text too short, before a folder is made
        ids, held = split(config, text, vocabulary)
        random_windows(ids, config.batch_size, config.steps, 0)
        prefixes, epochs = prefixes_of(config, vocabulary, ids), config.epochs or usual_epochs(len(ids))
        config = replace(config, sample_prefix=prefixes, epochs=epochs)
        rng = np.random.default_rng(config.seed)
        model = LanguageModel(vocabulary, **config.model_options(), rng=rng)
        run = cls(Checkpoint(config, model, make_optimizer(config).state_dict(), rng, [], digest(text)), ids, out, held)
        with run.folder.claimed():
            run.folder.check_new(overwrite)
            run._save([], None)  # first of all: until it is whole, a run that it replaces stays
            run.folder.clear()
        return run

    @classmethod
    def resume(cls, out: str | PathLike[str], changes: Mapping[str, Any] | None = None) -> Self:
        """Returns the run of a folder as its checkpoint holds it, and cuts metrics.jsonl to the same epoch.

        Args:
            out: the folder.
            changes: fields of the configuration; epochs, lr, patience, sample_every, sample_prefix and temperature may
                differ, corpus may be another path of the same text.

        Raises:
            FileNotFoundError: if there is no checkpoint.
            OSError: if the folder cannot be written, another process trains in it, or npseq did not write its files.
            ValueError: for a damaged checkpoint, a change to any other field, fewer epochs than there were, or another
                text.
        """
        out, changes = as_path(out, "out"), mapping("changes", {} if changes is None else changes)
        if not (out / MODEL).is_file():
            raise FileNotFoundError(f"the folder {str(out)!r} must hold a run to resume, it has no {MODEL}")
        folder = Folder(out)
        with folder.claimed():
            checkpoint = load_checkpoint(out / MODEL)
            folder.check()
            config = changed(checkpoint, changes, out)
            text, vocabulary = text_of(checkpoint, config, out, given="corpus" in changes)
            ids, held = split(config, text, vocabulary)
            if checkpoint.position is not None:
                with damage_in(out / MODEL):
                    check_within(checkpoint.position, ids, config)
            config = replace(config, sample_prefix=prefixes_of(config, vocabulary, ids))
            state = {**checkpoint.optimizer_state, **({"lr": config.lr} if "lr" in changes else {})}
            run = cls(checkpoint._replace(config=config, optimizer_state=state), ids, out, held)
            run.folder = folder
            folder.write_log(run.metrics)
        if run.finished:
            folder.release()
        return run

    def __repr__(self) -> str:
        return "\n".join([f"Run({str(self.out)!r}, {self.progress}, {self.model})", *table(self.metrics[-5:])])

    @property
    def progress(self) -> str:
        """How far the checkpoint has come, in words."""
        steps = "" if self.position is None else f" and {self.position.step} steps of the next"
        return f"{len(self.metrics)} of {self.config.epochs} epochs{steps}"

    @property
    def finished(self) -> bool:
        """Whether no epoch is left, or the held-out perplexity has not improved for `patience` epochs."""
        stopped = self.position is None and over(self.metrics, self.config.patience)
        return stopped or len(self.metrics) == self.config.epochs

    def epochs(
        self,
        *,
        on_step: Callable[[float], None] | None = None,
        stop: Callable[[], bool] | None = None,
        trace_nonfinite: bool = False,
    ) -> Iterator[EpochMetrics]:
        """Trains to the last epoch, and yields an epoch's metrics when its checkpoint is on the disk.

        However it ends, it draws the epochs so far, or warns that it cannot, and the last checkpoint stays.

        Args:
            on_step: called after every update with the mean loss of the epoch so far.
            stop: asked after every update; when it is true, that step is saved and Interrupted raised, and `epochs`, of
                this run or of a resumed one, continues from there to the same bits.
            trace_nonfinite: whether a NonFiniteLoss says where it came from, as in `train_epoch`.

        Raises:
            NonFiniteLoss: as soon as a loss, a norm or a parameter is seen not to be finite.
            OSError: if a checkpoint or the log cannot be written, or another process trains in the folder.
            RuntimeError: while another iterator is in progress, for a run that one of these, or an exception in a
                step, has ended before, and for one that has gone on elsewhere.
        """
        check_calls(on_step, stop, trace_nonfinite)
        self._check_ready()
        return self._epochs(on_step, stop, trace_nonfinite)

    def _check_ready(self) -> None:
        if self._iterated:
            raise RuntimeError("a run's epochs must have one iterator at a time, and one has begun; close() that one")
        if not self._whole:
            raise RuntimeError(
                f"a run that was cut off in an epoch must go on from its checkpoint; take Run.resume({str(self.out)!r})"
            )

    def _epochs(
        self, on_step: Callable[[float], None] | None, stop: Callable[[], bool] | None, trace_nonfinite: bool
    ) -> Iterator[EpochMetrics]:
        self._check_ready()
        if self._writes:
            self.folder.claim()
        if self.shard is not None:
            stop = self.shard.agreed(stop or bool)
        self._iterated = True
        try:
            while not self._agreed(self.finished):
                try:
                    metrics = self._epoch(on_step, stop, trace_nonfinite)
                except Interrupted as interrupted:
                    self._stop_at(interrupted)
                    raise
                self._save_best(metrics)  # first, or a kill in between would leave an older one
                self._save([*self.metrics, metrics], None)
                self.metrics.append(metrics)
                self.position = None
                if self._writes:
                    self.folder.log(metrics)
                self._whole = True
                if due(self.config, metrics.epoch):
                    self.folder.draw(self.metrics)
                yield metrics
                if stop is not None and stop():
                    raise Interrupted
        finally:
            self._iterated = False
            try:
                self.folder.draw(self.metrics)
            finally:
                self.folder.release()

    def evaluate(self, ids: Array | None = None) -> float:
        """Returns the perplexity of a text with the present parameters, as `npseq evaluate` does.

        Args:
            ids: (N,); None is the text that is held out, or without one the text that is learnt.
        """
        ids = (self.ids if self.held is None else self.held) if ids is None else array("ids", ids)
        with limited(self.config, self._cores), precision(self.config):
            return float(perplexity(loss(self.model, ids)))

    def samples(self) -> list[str]:
        """Returns each prefix with SAMPLE_LENGTH tokens after it, or those up to the end of a line."""
        return samples_of(self.model, self.config)

    def _epoch(
        self, on_step: Callable[[float], None] | None, stop: Callable[[], bool] | None, trace_nonfinite: bool
    ) -> EpochMetrics:
        c, position = self.config, self.position
        self._whole = False
        if position is not None:
            position = position.with_state(device_module(c.device).asarray)
        if self.shard is not None and position is not None:
            position = position.with_state(self.shard.own_columns)
        with limited(c, self._cores), precision(c):
            metrics = train_epoch(
                self.model,
                self.ids,
                self.optimizer,
                c.one_epoch(self.rng),
                rng=self.rng,
                before=self.metrics,
                position=position,
                on_step=on_step,
                stop=stop,
                shard=self.shard,
                trace_nonfinite=trace_nonfinite,
            )
        if self.shard is not None:
            self.shard.check_alike(self.model.params.flat)
        if self._writes and c.evaluate_every and metrics.epoch % c.evaluate_every == 0:
            metrics = metrics._replace(evaluation_perplexity=self.evaluate(self.ids))
        if self._writes and self.held is not None:
            metrics = metrics._replace(held_out_perplexity=self.evaluate(self.held))
        return metrics

    def _agreed(self, finished: bool) -> bool:  # all ranks, of which one has measured the held-out text
        return finished if self.shard is None else self.shard.any(finished)

    def _save_best(self, metrics: EpochMetrics) -> None:
        if self._writes and best([*self.metrics, metrics]) is metrics:
            self.folder.save_best(self._checkpoint([], None))

    def _stop_at(self, interrupted: Interrupted) -> None:
        """Saves the position in the epoch, with the state of the whole batch."""
        position = interrupted.position
        assert position is not None
        if self.shard is not None:
            self.shard.check_alike(self.model.params.flat)
            position = position.with_state(self.shard.all_columns)
        self._save(self.metrics, position)
        self.position = interrupted.position = position
        self._whole = True

    @property
    def _writes(self) -> bool:
        return self.shard is None or self.shard.writes

    @property
    def _cores(self) -> int | None:
        return None if self.shard is None else self.shard.threads

    def _save(self, metrics: list[EpochMetrics], position: Position | None) -> None:
        if self._writes:
            self.folder.save(self._checkpoint(metrics, position))

    def _checkpoint(self, epochs: list[EpochMetrics], at: Position | None) -> Checkpoint:
        return Checkpoint(self.config, self.model, self.optimizer.state_dict(), self.rng, epochs, self.text_digest, at)
