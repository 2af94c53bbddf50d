"""This module chooses the prefixes of a run's samples, which are made of the tokens of its text."""

import numpy as np

from npseq.data import UNKNOWN, Vocabulary, tokenize
from npseq.training.config import TrainingConfig

PREFIXES = {"python-topics": ("assignment", "the target"), "time-machine": ("time traveller", "traveller")}


def prefixes_of(config: TrainingConfig, vocabulary: Vocabulary, ids: np.ndarray) -> tuple[str, ...]:
    """Returns the given prefixes, checked, or else those of the corpus, or else the beginning of the text."""
    for prefix in config.sample_prefix:
        check_prefix(prefix, vocabulary)
    usual = [prefix for prefix in PREFIXES.get(config.corpus, ()) if not missing(prefix, vocabulary)]
    begin = vocabulary.decode(ids[: 10 if config.token == "char" else 2])
    return config.sample_prefix or tuple(usual) or (begin,)


def missing(text: str, vocabulary: Vocabulary) -> list[str]:
    """Returns the tokens of a text that the vocabulary lacks."""
    return sorted({token for token in tokenize([text], vocabulary.token)[0] if token not in vocabulary})


def check_prefix(prefix: str, vocabulary: Vocabulary) -> None:
    """Raises ValueError if a prefix has no tokens, or tokens that the vocabulary lacks."""
    if not tokenize([prefix], vocabulary.token)[0]:
        raise ValueError(f"a prefix must hold at least one token, got {prefix!r}")
    if lacking := missing(prefix, vocabulary):
        known = "".join(sorted(vocabulary.tokens[1:])) if vocabulary.token == "char" else f"{len(vocabulary)} words"
        raise ValueError(
            f"a prefix must be made of the text's own tokens ({known!r}), got {prefix!r} with {lacking}, "
            f"which would be {UNKNOWN}"
        )
