"""The folder of a run holds model.safetensors, metrics.jsonl and training.png, which one run at a time may write.

With a held-out text it holds best.safetensors too, the model after the epoch that was best there.
"""

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from npseq import plot
from npseq.files import Claim, append, arrays, replace_file, replaceable, write_content
from npseq.files.writing import remove_partials
from npseq.training.checkpoint import Checkpoint, content_of_best, content_of_run
from npseq.training.metrics import EpochMetrics, is_log

MODEL, METRICS, FIGURE, BEST = "model.safetensors", "metrics.jsonl", "training.png", "best.safetensors"
OURS = {MODEL: arrays.is_ours, METRICS: is_log, FIGURE: plot.is_ours, BEST: arrays.is_ours}


class Folder:
    """The files of a run, and the claim on them.

    Args:
        out: the folder, which need not be there.
    """

    def __init__(self, out: Path):
        self.out = out
        self._claim: Claim | None = None
        self.drawn = True  # unless the figure could not be
        self._saved: tuple[int, ...] | None = None  # tells the checkpoint of this run from any other

    def check(self) -> None:
        """Raises OSError if one of the files is there and npseq must not replace it."""
        for name, ours in OURS.items():
            replaceable(self.out / name, ours, follow=False)

    def check_new(self, overwrite: bool) -> None:
        """Raises as `check`, and FileExistsError if one of the files is there and must not be overwritten."""
        self.check()
        there = [name for name in OURS if os.path.lexists(self.out / name)]
        if there and not overwrite:
            continued = "go on with it (Run.resume), " * (there[0] == MODEL)
            raise FileExistsError(
                f"the folder {str(self.out)!r} must not hold a run yet, but it has {there[0]}; {continued}"
                "replace it (overwrite=True), or name another folder"
            )

    def claim(self) -> None:
        """Claims the folder. Raises OSError if it cannot, RuntimeError if another run has written in it since."""
        if self._claim is None or not self._claim.held:
            self._claim = Claim(self.out)
            if self._saved not in (None, self._checkpoint()):
                self._claim.release()
                self._check_held()
            for name in OURS:
                remove_partials(self.out / name)

    def release(self) -> None:
        if self._claim is not None:
            self._claim.release()

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Claims the folder, and releases it if what is done within raises."""
        self.claim()
        try:
            yield
            self._saved = self._checkpoint()
        except BaseException:
            self.release()
            raise

    def save(self, checkpoint: Checkpoint) -> None:
        self._check_held()
        write_content(content_of_run(checkpoint), self.out / MODEL, follow=False)
        self._saved = self._checkpoint()

    def save_best(self, checkpoint: Checkpoint) -> None:
        self._check_held()
        write_content(content_of_best(checkpoint), self.out / BEST, follow=False)

    def clear(self) -> None:
        """Removes what an older run has left, and begins the log."""
        self.write_log([])
        for name in (FIGURE, BEST):
            (self.out / name).unlink(missing_ok=True)

    def write_log(self, metrics: Sequence[EpochMetrics]) -> None:
        """Replaces the log by one of these epochs."""
        self._check_held()
        lines = "".join(f"{m.line()}\n" for m in metrics)
        replace_file(self.out / METRICS, lines.encode(), is_log, follow=False)

    def log(self, metrics: EpochMetrics) -> None:
        self._check_held()
        append(self.out / METRICS, f"{metrics.line()}\n")

    def draw(self, metrics: Sequence[EpochMetrics]) -> None:
        """Draws the figure, or warns that it cannot be drawn: a run is worth more than its figure."""
        told = isinstance(sys.exc_info()[1], OSError)  # of the same disk, while this error goes on its way
        if not metrics or self._claim is None or not self._claim.held:
            return
        try:
            replaceable(self.out / FIGURE, plot.is_ours, follow=False)
            plot.training_curve(metrics, self.out / FIGURE)
        except Exception as error:
            self.drawn = False
            if not told:
                warnings.warn(
                    f"the figure could not be drawn, all else is saved: {error}", RuntimeWarning, stacklevel=3
                )

    def files(self) -> list[str]:
        """Returns the paths of the files, the figure among them if it could be drawn."""
        there = {FIGURE: self.drawn, BEST: (self.out / BEST).is_file()}
        return [str(self.out / name) for name in OURS if there.get(name, True)]

    def _check_held(self) -> None:
        if self._claim is None or not self._claim.held:
            raise RuntimeError(
                f"the run in {str(self.out)!r} must not have gone on without this object, but another one has written "
                "there since; take Run.resume(out)"
            )

    def _checkpoint(self) -> tuple[int, ...] | None:
        try:
            found = os.stat(self.out / MODEL)
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
