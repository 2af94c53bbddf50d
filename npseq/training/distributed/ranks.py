"""This module trains one run on several ranks: rank 0 begins it and sends it to all, and if one stops, all stop."""

import json
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

import numpy as np

from npseq.backend import take_device, to_host
from npseq.models.fitting import NonFiniteLoss
from npseq.training.checkpoint import load_checkpoint
from npseq.training.config import TrainingConfig
from npseq.training.distributed.shard import Communicator, Shard, check_shares
from npseq.training.folder import MODEL
from npseq.training.interrupts import Interrupted, StopSignals
from npseq.training.run import Run

INTERRUPTED = 130
PATIENCE = 2.0  # seconds in which rank 0 can report an interrupt before another rank does
EXPECTED = (KeyboardInterrupt, OSError, MemoryError, RuntimeError)  # need no traceback; all others are bugs


class FailedAtRoot(SystemExit):
    """Rank 0 could not start the run and reports why; the others exit silently."""


def shared_run(communicator: Communicator, start: Callable[[], Run], out: str | PathLike[str]) -> Run:
    """Returns on every rank the run that rank 0 starts: only rank 0 calls `start`, and sends the run to the others.

    So the others read no file and need no common disk; their epochs write none. out: the folder, for the messages.
    On GPUs the ranks of a machine take its devices in turn. Raises on rank 0 what `start` raises, and ValueError for
    fewer sequences in a batch than ranks; the other ranks then raise FailedAtRoot.
    """
    take_device(communicator.local_rank)
    if communicator.rank == 0:
        try:
            run = start()
            check_shares(run.config.batch_size, communicator.size)
            parts = [json.dumps(run.config.to_dict()).encode(), np.asarray(to_host(run.ids), "<i8").tobytes()]
            parts.append((run.out / MODEL).read_bytes())
        except BaseException:
            communicator.broadcast(b"")
            raise
        for part in parts:
            communicator.broadcast(part)
    else:
        run = _received(communicator, Path(out))
    run.shard = Shard(communicator, run.config.batch_size)
    run.shard.split_dropout(run.model)
    return run


def _received(communicator: Communicator, out: Path) -> Run:
    """Receives the run from rank 0: configuration, text, checkpoint."""
    config = communicator.broadcast(b"")
    if not config:
        raise FailedAtRoot(2)
    ids = np.frombuffer(communicator.broadcast(b""), "<i8").astype(np.int64)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / MODEL
        path.write_bytes(communicator.broadcast(b""))
        checkpoint = load_checkpoint(path)
    return Run(checkpoint._replace(config=TrainingConfig.from_dict(json.loads(config))), ids, out)


def train_together(run: Run, communicator: Communicator, lead: Callable[[Run], None]) -> None:
    """Trains a shared run to its last epoch: rank 0 by `lead`, which may show progress, the others silently."""
    with _interrupted_once(), stopping_all(communicator, run):
        if communicator.rank == 0:
            lead(run)
            return
        try:
            with StopSignals(signal.SIGINT, insist=False) as stop:
                for _ in run.epochs(stop=stop):
                    pass
        except NonFiniteLoss:  # every rank has the same loss and the same norm, and rank 0 reports it
            raise SystemExit(1) from None
        except Interrupted:  # every rank stops after the same step
            raise SystemExit(INTERRUPTED) from None


@contextmanager
def stopping_all(communicator: Communicator, run: Run) -> Iterator[None]:
    """Ends all ranks if an exception ends this one, with a line that says which rank and why.

    Otherwise the others would wait for it for ever. NonFiniteLoss and Interrupted reach all ranks at once, and pass.
    """
    try:
        yield
    except SystemExit:
        raise
    except BaseException as error:
        cause = error.__cause__ or error
        if isinstance(cause, NonFiniteLoss | Interrupted):
            raise
        if isinstance(cause, KeyboardInterrupt) and communicator.rank:
            time.sleep(PATIENCE)
        if not isinstance(cause, EXPECTED):
            traceback.print_exc()
        where = f"rank {communicator.rank} of {communicator.size}"
        what = str(error)
        if cause is error:  # no command has worded it
            what = f"{type(error).__name__}{f': {error}' if what else ''}"
            what += f"; the last checkpoint stays in {str(run.out)!r}"
        print(f"npseq: error: {where} stopped, and all others with it: {what}", file=sys.stderr)
        communicator.stop(getattr(error, "status", INTERRUPTED if isinstance(cause, KeyboardInterrupt) else 1))
        raise


@contextmanager
def _interrupted_once() -> Iterator[None]:
    """Ignores a second Ctrl-C, or the same one sent by both terminal and mpiexec, while the first is handled."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def first(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
