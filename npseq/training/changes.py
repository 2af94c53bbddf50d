"""A run that is resumed keeps its options and its text; this module says what may change, and checks the rest."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from npseq.backend import Array, to_host
from npseq.data import Vocabulary
from npseq.models import LanguageModel
from npseq.training.checkpoint import Checkpoint
from npseq.training.config import TrainingConfig

FREE = ("epochs", "corpus", "sample_prefix")  # may change; of the corpus only its path


def changed_config(checkpoint: Checkpoint, changes: Mapping[str, Any], out: Path) -> TrainingConfig:
    """Returns the checkpoint's configuration with the changes; raises ValueError for one that may not be made."""
    stored = checkpoint.config
    for name, value in changes.items():
        if name not in FREE and value != getattr(stored, name):
            raise ValueError(
                f"a resumed run keeps its options: {name} is {getattr(stored, name)!r} in {str(out)!r}, got {value!r}; "
                "leave it out, or start a new run in another folder"
            )
    config = replace(stored, **changes)
    begun = checkpoint.position is not None
    if config.epochs < (least := len(checkpoint.metrics) + begun):
        raise ValueError(
            f"epochs must be at least the {least} that the run in {str(out)!r} has {'begun' if begun else 'had'}, "
            f"got {config.epochs}"
        )
    return config


def check_same_text(checkpoint: Checkpoint, ids: Array, vocabulary: Vocabulary, corpus: str, out: Path) -> None:
    """Raises ValueError unless the ids and the tokens are those that the checkpoint's run has learned."""
    if digest(ids) != checkpoint.text_digest or vocabulary.tokens != _vocabulary(checkpoint.model).tokens:
        raise ValueError(
            f"the text of corpus {corpus!r} must be the one that the run in {str(out)!r} learns, it has "
            "changed since; bring the old one back, or start a new run"
        )


def digest(ids: Array) -> str:
    """Returns the SHA-256 of the ids as little-endian numbers of 64 bits."""
    return hashlib.sha256(to_host(ids).astype("<i8").tobytes()).hexdigest()


def _vocabulary(model: LanguageModel) -> Vocabulary:
    if model.vocab is None:
        raise ValueError("a run's checkpoint must hold a vocabulary, this one holds its size alone; start a new run")
    return model.vocab
