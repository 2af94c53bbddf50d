"""This module trains a run from its beginning to its end in one call."""

import signal
from os import PathLike

from npseq.training.config import TrainingConfig
from npseq.training.interrupts import Interrupted, StopSignals
from npseq.training.run import Run


def train(config: TrainingConfig, out: str | PathLike[str], *, overwrite: bool = False) -> Run:
    """Makes a new run, trains it to its last epoch without output on the terminal, and returns it.

    A first Ctrl-C, or an interrupted cell of a notebook, finishes the step, saves it and raises Interrupted. To
    continue an old run, take `Run.resume(out)` and iterate over its `epochs()`.

    Args:
        config: the options.
        out: the folder, made if it is not there.
        overwrite: whether to replace a run that is there.

    Raises:
        Interrupted: after a Ctrl-C.
        FileExistsError, OSError, ValueError, NonFiniteLoss: as `Run` does.

    Example:
        >>> config = ns.training.TrainingConfig(hidden_size=4, epochs=2, max_tokens=2000)
        >>> ns.training.train(config, "trained").progress
        '2 of 2 epochs'
    """
    run = Run.begin(config, out, overwrite=overwrite)
    with StopSignals(signal.SIGINT) as stop:
        for _ in run.epochs(stop=stop):
            pass
    if stop():
        raise Interrupted
    return run
