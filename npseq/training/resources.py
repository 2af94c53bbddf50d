"""This module limits the threads of a run's matrix products, and sets their precision on a device.

Every step waits for its matrix product, and a product for the slowest of its threads. A run goes on for minutes beside
other work, where a thread that waits for a core makes a step many times as slow. Therefore a run takes one thread up to
larger products than a step from Python does.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from npseq.cpu import settings as on_cpu
from npseq.training.config import TrainingConfig

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
LARGE = 20_000_000  # operations of a step's product, for which a run takes all cores


def thread_limit(config: TrainingConfig) -> int | None:
    """Returns config.threads, or 1 if a step's product W_h h is not large; None means all cores."""
    operations = 2 * GATES[config.cell] * config.hidden_size**2 * config.batch_size
    return config.threads if config.threads is not None else 1 if operations < LARGE else None


def limited(config: TrainingConfig, most: int | None = None) -> AbstractContextManager[Any]:
    """Returns a context in which products run on thread_limit(config) threads, or on `most` if there is no limit.

    The limit holds for the whole process. most: the cores of a process that shares them with others, None for all.
    """
    limit = thread_limit(config) or most
    if limit is None:
        return nullcontext()
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(limit)
    return limits


def precision(config: TrainingConfig) -> AbstractContextManager[Any]:
    """Returns a context in which a CPU computes as the configuration says, compiled or not, and a device's float32
    products have all their digits, unless it has tf32."""
    if config.device == "cpu":
        return on_cpu(compiled=config.compiled)
    from npseq.gpu import settings

    return settings(tf32=config.tf32)
