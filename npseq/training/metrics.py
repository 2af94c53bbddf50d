"""This module holds the metrics of an epoch and writes them as lines of metrics.jsonl."""

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from npseq.shown import columns


class EpochMetrics(NamedTuple):
    """One epoch's metrics; loss and perplexity average over its tokens while the parameters change."""

    epoch: int  # counts from 1
    loss: float  # mean negative log-likelihood in nats
    perplexity: float  # exp(loss)
    grad_norm: float  # the largest gradient norm, before clipping
    tokens_per_second: float  # read and learnt from
    evaluation_perplexity: float = math.nan  # of the text that is learnt, after the epoch; nan if not evaluated
    held_out_perplexity: float = math.nan  # of the text that is held out, after the epoch; nan if there is none

    def line(self) -> str:
        """Returns one line of JSON, without its end; null stands for an infinite perplexity."""
        content = self._asdict()
        for name in OPTIONAL:
            if math.isnan(content[name]):
                del content[name]
        return json.dumps({name: value if math.isfinite(value) else None for name, value in content.items()})


def table(metrics: Sequence[EpochMetrics]) -> list[str]:
    """Returns a line of names and a line an epoch, of what was measured; of no epoch none."""
    names = [n for n in EpochMetrics._fields if not all(math.isnan(getattr(row, n)) for row in metrics)]
    rows = [[f"{getattr(row, name):.5g}" for name in names] for row in metrics]
    return columns([[name.replace("_", " ") for name in names], *rows], str.rjust) if rows else []


OPTIONAL = tuple(EpochMetrics._field_defaults)


def as_array(metrics: Sequence[EpochMetrics]) -> np.ndarray:
    """Returns (epochs, fields) float64; an epoch is a whole number far below 2^53, so nothing is lost."""
    return np.array(metrics, dtype=np.float64).reshape(-1, len(EpochMetrics._fields))


def from_array(rows: np.ndarray) -> list[EpochMetrics]:
    return [EpochMetrics(int(row[0]), *row[1:]) for row in rows.tolist()]


_VALUES = [rf'"{name}": [^,]+' for name in EpochMetrics._fields[: -len(OPTIONAL)]]
_MORE = "".join(rf'(, "{name}": [^,]+)?' for name in OPTIONAL)
_LINE = re.compile(rf"\{{{', '.join(_VALUES)}{_MORE}\}}\n".encode())


def is_log(path: Path) -> bool:
    """Whether npseq has written every line of this file; of the last one a crash may have left the beginning alone."""
    with open(path, "rb") as file:
        while line := file.readline(1000):
            begun = not line.endswith(b"\n") and line.startswith(b'{"epoch": ')
            if not (_LINE.fullmatch(line) or (begun and not file.read(1))):
                return False
    return True
