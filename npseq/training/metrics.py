"""What one epoch of training came to, and the lines of metrics.jsonl."""

import json
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class EpochMetrics(NamedTuple):
    """One epoch: loss and perplexity are running averages over its tokens, while the parameters change.

    loss: mean negative log-likelihood in nats; perplexity: exp(loss). grad_norm: the largest gradient norm, before
    clipping. evaluation_perplexity: of the whole text, after the epoch; nan where it was not evaluated.
    """

    epoch: int
    loss: float
    perplexity: float
    grad_norm: float
    tokens_per_second: float
    evaluation_perplexity: float = math.nan

    def line(self) -> str:
        """A line of JSON, without its end; what JSON has no number for, an infinite perplexity, is null."""
        content = self._asdict()
        if math.isnan(self.evaluation_perplexity):
            del content["evaluation_perplexity"]
        return json.dumps({name: value if math.isfinite(value) else None for name, value in content.items()})


def as_array(metrics: Sequence[EpochMetrics]) -> np.ndarray:
    """(epochs, fields) float64: epochs are whole numbers far below 2^53, so nothing is lost."""
    return np.array(metrics, dtype=np.float64).reshape(-1, len(EpochMetrics._fields))


def from_array(rows: np.ndarray) -> list[EpochMetrics]:
    return [EpochMetrics(int(row[0]), *row[1:]) for row in rows.tolist()]
