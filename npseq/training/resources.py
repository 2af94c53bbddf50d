"""The machine's resources that a run takes: threads for its matrix products, and their precision on a device."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

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


def precision(config: TrainingConfig) -> AbstractContextManager[Any]:
    """Inside, float32 products as the configuration says: with all their digits unless it has tf32."""
    if config.device == "cpu":
        return nullcontext()
    from npseq.gpu import settings

    return settings(tf32=config.tf32)
