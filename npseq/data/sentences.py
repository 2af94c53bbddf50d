"""This module cleans sentences to translate as d2l does, and reads others as those of a vocabulary were cleaned."""

import re
from collections.abc import Iterable, Sequence

from npseq.data.text import Vocabulary, folded

AT_A_WORD = re.compile(r"\S[,.!?]")  # what `preprocess` leaves nowhere


def preprocess(text: str) -> str:
    """Returns text in lower case, with ordinary spaces and a space before each of , . ! ? (d2l's `preprocess_nmt`)."""
    text = text.replace("\u202f", " ").replace("\xa0", " ").lower()
    apart = (" " + char if i > 0 and char in ",.!?" and text[i - 1] != " " else char for i, char in enumerate(text))
    return "".join(apart)


def as_known(lines: Iterable[Sequence[str]], vocabulary: Vocabulary) -> list[list[str]]:
    """Returns lines of tokens, those that a vocabulary lacks in lower case, or cleaned if all of its are."""
    tokens = " ".join(vocabulary)
    if tokens != tokens.lower() or AT_A_WORD.search(tokens):
        return [folded(line, vocabulary) for line in lines]
    return [[part for token in line for part in _parts(token, vocabulary)] for line in lines]


def _parts(token: str, vocabulary: Vocabulary) -> list[str]:
    cleaned = token if token in vocabulary else preprocess(token)
    return cleaned.split() or [cleaned]  # a space is a character
