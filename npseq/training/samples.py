"""This module makes a run's samples, whose prefixes are made of the tokens of its text."""

from typing import Any

import numpy as np

from npseq.data import Vocabulary
from npseq.data.lines import NO_LETTERS
from npseq.models import LanguageModel
from npseq.models.decoding.generation import check_prefix, missing
from npseq.training.config import TrainingConfig

SAMPLE_LENGTH = 50
PREFIXES = {"python-topics": ("The target", "An expression"), "time-machine": ("time traveller", "traveller")}


def prefixes_of(config: TrainingConfig, vocabulary: Vocabulary, ids: np.ndarray) -> tuple[str, ...]:
    """Returns the given prefixes, checked, or else those of the corpus, or else the beginning of the text."""
    given = tuple(as_learnt(prefix, config) for prefix in config.sample_prefix)
    for prefix in given:
        check_prefix(prefix, vocabulary)
    usual = [as_learnt(prefix, config) for prefix in PREFIXES.get(str(config.corpus), ())]
    begin = vocabulary.decode(ids[: 10 if config.token == "char" else 2])
    return given or tuple(prefix for prefix in usual if not missing(prefix, vocabulary)) or (begin,)


def samples_of(model: LanguageModel, config: TrainingConfig) -> list[str]:
    """Returns each prefix of a run with SAMPLE_LENGTH tokens after it, or those up to the end of a line."""
    options: dict[str, Any] = {"temperature": config.temperature, "rng": config.seed, "stop": config.end_of_line}
    return [model.generate(prefix, SAMPLE_LENGTH, **options) for prefix in config.sample_prefix]


def as_learnt(prefix: str, config: TrainingConfig) -> str:
    """Returns a prefix cleaned as the text of the run is; a space at its end stays."""
    return NO_LETTERS.sub(" ", prefix).lower() if config.clean == "letters" else prefix


def due(config: TrainingConfig, epoch: int) -> bool:
    """Whether samples, and the curve so far, come after this epoch, which counts from 1."""
    return bool(config.sample_every) and epoch % config.sample_every == 0
