"""This module shows the progress of a run: a bar on the terminal, and lines with the falling perplexity."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import isnan
from typing import Any, Self

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
        from tqdm import tqdm

        c = run.config
        self.run, self.epochs, self.every = run, c.epochs, max(1, c.epochs // LINES)
        self.batches = c.updates(len(run.ids))
        self.bar: Any = tqdm(
            total=c.epochs * self.batches,
            initial=len(run.metrics) * self.batches + (run.position.step if run.position else 0),
            bar_format="{desc} {percentage:3.0f}% |{bar}| {elapsed} < {remaining}{postfix}",
            desc=f"epoch {len(run.metrics)}/{c.epochs}",
            dynamic_ncols=True,
            leave=False,
            disable=None,  # if stderr is no terminal
        )

    def step(self) -> None:
        """Counts one update."""
        with self._shown():
            self.bar.update(1)

    def epoch(self, metrics: EpochMetrics) -> None:
        """Shows the end of an epoch and corrects the bar, since epochs differ by one window with their offset."""
        with self._shown():
            self.bar.update(metrics.epoch * self.batches - self.bar.n)
            self.bar.set_description_str(f"epoch {metrics.epoch}/{self.epochs}", refresh=False)
            held = metrics.held_out_perplexity
            on_held = "" if isnan(held) else f"held out {held:.3f}, "
            numbers = f"perplexity {metrics.perplexity:.3f}, {on_held}{metrics.tokens_per_second:,.0f} tokens/s"
            self.bar.set_postfix_str(numbers, refresh=False)
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
