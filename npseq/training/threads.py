"""How many threads the matrix products of a run get.

A product is handed out to the threads and waited for at every time step. Where it is small, a second thread gains
little, and costs many times the whole step as soon as something else wants its core.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from npseq.training.config import TrainingConfig

SMALL = 8_000_000  # operations of a step's product: about 0.1 ms on one thread
GATES = {"rnn": 1, "gru": 3, "lstm": 4}


def thread_limit(config: TrainingConfig) -> int | None:
    """config.threads, or 1 where a step's product W_h h is small; None is as many as there are."""
    operations = 2 * GATES[config.cell] * config.hidden**2 * config.batch_size
    return config.threads if config.threads is not None else 1 if operations < SMALL else None


def limited(config: TrainingConfig, most: int | None = None) -> AbstractContextManager:
    """Within this context, products run on thread_limit(config) threads, or `most` where that leaves it open.

    The limit holds for the whole process. most: the cores of a process that shares them with others, None for all.
    """
    limit = thread_limit(config) or most
    if limit is None:
        return nullcontext()
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limit)
