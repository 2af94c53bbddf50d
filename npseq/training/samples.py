"""This module chooses the prefixes of a run's samples, which are made of the tokens of its text."""

import numpy as np

from npseq.data import Vocabulary
from npseq.models.decoding.generation import check_prefix, missing
from npseq.training.config import TrainingConfig

SAMPLE_LENGTH = 50
PREFIXES = {"python-topics": ("assignment", "the target"), "time-machine": ("time traveller", "traveller")}


def prefixes_of(config: TrainingConfig, vocabulary: Vocabulary, ids: np.ndarray) -> tuple[str, ...]:
    """Returns the given prefixes, checked, or else those of the corpus, or else the beginning of the text."""
    for prefix in config.sample_prefix:
        check_prefix(prefix, vocabulary)
    usual = [prefix for prefix in PREFIXES.get(config.corpus, ()) if not missing(prefix, vocabulary)]
    begin = vocabulary.decode(ids[: 10 if config.token == "char" else 2])
    return config.sample_prefix or tuple(usual) or (begin,)


def due(config: TrainingConfig, epoch: int) -> bool:
    """Whether samples, and the curve so far, come after this epoch, which counts from 1."""
    return bool(config.sample_every) and epoch % config.sample_every == 0
