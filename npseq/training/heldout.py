"""This module holds out a part of a text, or another text, on which a run is measured after each epoch."""

from collections.abc import Sequence
from math import inf, isfinite
from os import PathLike
from pathlib import Path

import numpy as np

from npseq.backend import Array
from npseq.data import Vocabulary, load_corpus
from npseq.data.reading import place
from npseq.models import LanguageModel
from npseq.training.config import TrainingConfig
from npseq.training.metrics import EpochMetrics

READ = 3_000_000  # tokens that a run reads where nothing else is said, in about a minute
MOST_EPOCHS = 500
ONE_ROW = 20_000  # tokens that are evaluated as one sequence
ROWS = 32


def split(config: TrainingConfig, ids: np.ndarray, vocabulary: Vocabulary) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns the ids to learn, and those that are held out or None: the end of the text, or those of another file.

    Raises:
        ValueError: if less than 2 tokens would be held out, nothing would be left, or the other file is the text.
    """
    if config.valid == config.corpus:
        raise ValueError(
            f"valid must be another text than the one that is learnt, got {config.corpus!r} for both; take another "
            "file, or a share, say 0.1, of its end"
        )
    if not isinstance(config.valid, float):
        return ids, known_ids(config, config.valid, vocabulary)
    count = round(config.valid * len(ids))
    if not config.valid:
        return ids, None
    if not 2 <= count < len(ids):
        raise ValueError(
            f"valid must hold out at least 2 tokens of the text, {config.valid} of {len(ids)} is {count}; take a "
            "longer text, or valid 0, which holds out nothing"
        )
    return ids[: len(ids) - count], ids[len(ids) - count :]


def known_ids(config: TrainingConfig, path: str | PathLike[str], vocabulary: Vocabulary) -> np.ndarray:
    """Returns the ids of another text, read as that of the run is, under the run's vocabulary."""
    options = {"clean": config.clean, "end_of_line": config.end_of_line}
    ids, own = load_corpus(path, config.token, **options, dtype=None)  # type: ignore[arg-type]
    known: np.ndarray = np.array(vocabulary[list(own.tokens)])[ids]
    return known


def usual_epochs(tokens: int) -> int:
    """Returns how often a text is read so that about READ tokens are."""
    return max(1, min(MOST_EPOCHS, round(READ / tokens)))


def rows(tokens: int) -> int:
    """Returns in how many parts, side by side, a text is evaluated: a long one would take long as one sequence."""
    return 1 if tokens <= ONE_ROW else ROWS


def loss(model: LanguageModel, ids: Array) -> float:
    """Returns the mean negative log-likelihood of a text, in nats, as training and `npseq evaluate` measure it."""
    return model.evaluate(ids, rows=rows(ids.size))


def best(metrics: Sequence[EpochMetrics]) -> EpochMetrics | None:
    """Returns the first epoch of the least held-out perplexity, None without one."""
    measured = [m for m in metrics if isfinite(m.held_out_perplexity)]
    return min(measured, key=lambda m: m.held_out_perplexity, default=None)


def over(metrics: Sequence[EpochMetrics], patience: int | None) -> bool:
    """Whether so many epochs have come since the best one."""
    found = best(metrics)
    since = inf if found is None else len(metrics) - found.epoch
    return patience is not None and bool(metrics) and since >= patience


def name_of(config: TrainingConfig) -> str:
    """Returns what the run is measured on, in words."""
    text = Path(place(config.corpus)).name
    if isinstance(config.valid, str):
        return f"{Path(place(config.valid)).name}, held out"
    return f"the held-out last {config.valid:.3g} of {text}" if config.valid else f"{text}, the text it learnt"
