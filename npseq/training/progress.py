"""This module shows the progress of a run: a bar on the terminal, and lines with the falling perplexity."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import isnan
from typing import Self

from npseq.bar import EpochBar
from npseq.losses import perplexity
from npseq.training.metrics import EpochMetrics
from npseq.training.opening import opening
from npseq.training.run import Run
from npseq.training.samples import due

LINES = 10


class ProgressBar:
    """Shows epoch, perplexity, tokens per second and the time left on stderr, if that is a terminal.

    It begins with a line on stdout that says what is learnt. About LINES times in a run it prints a line with the same
    numbers there, and as often as the run says samples.
    """

    def __init__(self, run: Run):
        c = run.config
        self.run, self.epochs, self.every = run, c.epochs, max(1, c.epochs // LINES)
        updates = c.updates(len(run.ids))
        done = len(run.metrics) * updates + (run.position.step if run.position else 0)
        self.shown = EpochBar(c.epochs, updates, _perplexity, initial=done)
        self.bar = self.shown.bar

    def step(self, loss: float) -> None:
        """Counts one update.

        Args:
            loss: the mean of the epoch so far.
        """
        with self._shown():
            self.shown.step(loss)

    def epoch(self, metrics: EpochMetrics) -> None:
        """Shows the end of an epoch."""
        with self._shown():
            held = metrics.held_out_perplexity
            on_held = "" if isnan(held) else f"held out {held:.3f}, "
            numbers = f"{_perplexity(metrics.loss)}, {on_held}{metrics.tokens_per_second:,.0f} tokens/s"
            self.shown.epoch(metrics.epoch, numbers)
            if metrics.epoch == 1 or metrics.epoch % self.every == 0:
                self.bar.write(f"epoch {metrics.epoch:>{len(str(self.epochs))}}  {numbers}")
            for text in self.run.samples() if due(self.run.config, metrics.epoch) else ():
                self.bar.write(f"sample: {text}")

    @contextmanager
    def _shown(self) -> Iterator[None]:
        """Lets a run go on without a terminal that has gone, or room for lines; the end of a pipe's reader ends it."""
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError:
            self.bar.disable = True

    def __enter__(self) -> Self:
        with self._shown():
            self.bar.write(opening(self.run))
        return self

    def __exit__(self, *raised: object) -> None:
        with self._shown():
            self.bar.close()


def _perplexity(loss: float) -> str:
    return f"perplexity {perplexity(loss):.3f}"
