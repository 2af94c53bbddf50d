"""This module checks whether a run can be resumed: which options may change, and that its text is the same."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from npseq.backend import Array, to_host
from npseq.data import Vocabulary
from npseq.data.corpora import CORPORA
from npseq.data.reading import STANDARD_INPUT, place
from npseq.files import existing
from npseq.training.checkpoint import Checkpoint, Trained
from npseq.training.config import TrainingConfig

FREE = (  # may change when a run is resumed; of the corpus only its path
    "epochs", "corpus", "lr", "patience", "sample_every", "sample_prefix", "temperature",
)  # fmt: skip
PART = 1 << 20  # ids that take their 8 bytes at a time


def changed(checkpoint: Checkpoint, changes: Mapping[str, Any], out: Path) -> TrainingConfig:
    """Returns the configuration of a checkpoint with its changes. Raises ValueError for a change that is not free."""
    stored = checkpoint.config
    if unknown := sorted(changes.keys() - stored.to_dict().keys()):
        raise ValueError(f"changes must be fields of a TrainingConfig, got {unknown}")
    for name, value in changes.items():
        if name not in FREE and value != getattr(stored, name):
            raise ValueError(
                f"a resumed run keeps its options: {name} is {getattr(stored, name)!r} in {str(out)!r}, got {value!r}; "
                "leave it out, or start a new run in another folder"
            )
    config = replace(stored, **changes)
    begun = checkpoint.position is not None
    if config.epochs < 1:
        raise ValueError(f"epochs must be an integer of at least 1 for a run that was begun, got {config.epochs}")
    if config.epochs < (least := len(checkpoint.metrics) + begun):
        raise ValueError(
            f"epochs must be at least the {least} that the run in {str(out)!r} has {'begun' if begun else 'had'}, "
            f"got {config.epochs}"
        )
    return config


def text_of(
    checkpoint: Checkpoint | Trained, config: TrainingConfig, out: str | Path, *, given: bool = False
) -> tuple[np.ndarray, Vocabulary]:
    """Returns the text of a run, whose configuration this is, as `load_corpus` does. Raises as check_text does.

    given: whether its corpus was named now, so that the standard input may be read.
    """
    if config.corpus == STANDARD_INPUT and not given:
        raise ValueError(
            f"the text of the run in {str(out)!r} came from the standard input and is not kept; give it again, --text "
            "FILE"
        )
    if config.corpus not in (*CORPORA, STANDARD_INPUT):
        again = f"the text of the run in {str(out)!r}, or the one that --text FILE gives again,"
        existing(config.corpus, again, pipe=True)
    ids, vocabulary = config.load_corpus()
    check_text(checkpoint, ids, vocabulary, config.corpus, out)
    return ids, vocabulary


def check_text(
    checkpoint: Checkpoint | Trained, ids: Array, vocabulary: Vocabulary, corpus: str | PathLike[str], out: str | Path
) -> None:
    """Raises ValueError unless this is the text of the checkpoint, with the same vocabulary."""
    known = checkpoint.model.vocab
    if known is None:
        raise ValueError("a run's checkpoint must hold a vocabulary, this one holds its size alone; start a new run")
    if digest(ids) != checkpoint.text_digest or vocabulary.tokens != known.tokens:
        raise ValueError(
            f"the text of corpus {place(corpus)!r} must be the one that the run in {str(out)!r} learns, it has changed "
            "since, or is another one; bring the old one back, or start a new run"
        )


def digest(ids: Array) -> str:
    """Returns the SHA-256 of a text, as of ids of 8 bytes."""
    found, ids = hashlib.sha256(), to_host(ids)
    for start in range(0, len(ids), PART):
        found.update(ids[start : start + PART].astype("<i8").tobytes())
    return found.hexdigest()
