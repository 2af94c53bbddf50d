"""This module cleans and cuts sentences to translate as d2l does, and reads others as those of a vocabulary were."""

import re
from collections.abc import Iterable, Sequence

from npseq.data.made_pairs import Tokens
from npseq.data.text import Vocabulary, folded

AT_A_WORD = re.compile(r"\S[,.!?]")  # what `preprocess` leaves nowhere


def preprocess(text: str) -> str:
    """Returns text in lower case, with ordinary spaces and a space before each of , . ! ? (d2l's `preprocess_nmt`)."""
    text = text.replace("\u202f", " ").replace("\xa0", " ").lower()
    apart = (" " + char if i > 0 and char in ",.!?" and text[i - 1] != " " else char for i, char in enumerate(text))
    return "".join(apart)


def tokenize_pairs(
    text: str,
    num_pairs: int | None = None,
    *,
    keep_one_more: bool = False,
    token: tuple[str, str] = ("word", "word"),
    space: str | None = " ",
) -> tuple[Tokens, Tokens]:
    """Returns the words of both columns of the first num_pairs lines "source TAB target" (d2l's `tokenize_nmt`).

    token: of each side "word", or "char" for the characters. keep_one_more: d2l stops where i > num_examples, and so
    keeps 601 lines of 600; True does the same. space: between words, d2l's; None is all white space, as predict reads.
    Raises ValueError for a text without pairs.
    """
    count = None if num_pairs is None else num_pairs + keep_one_more
    pairs = [line.split("\t") for line in text.split("\n")[:count] if line.count("\t") == 1]
    if not pairs:
        raise ValueError("a text must hold lines of source TAB target, found none")
    source, target = ([_cut(pair[k], kind, space) for pair in pairs] for k, kind in enumerate(token))
    return source, target


def _cut(text: str, token: str, space: str | None) -> list[str]:
    return list(text) if token == "char" else [word for word in text.split(space) if word]


def first_of_each(text: str) -> str:
    """Returns the first line of each source, in order."""
    first: dict[str, str] = {}
    for line in text.split("\n"):
        first.setdefault(line.partition("\t")[0], line)
    return "\n".join(first.values())


def as_known(lines: Iterable[Sequence[str]], vocabulary: Vocabulary) -> list[list[str]]:
    """Returns lines of tokens, those that a vocabulary lacks in lower case, or cleaned if all of its are."""
    tokens = " ".join(vocabulary)
    if tokens != tokens.lower() or AT_A_WORD.search(tokens):
        return [folded(line, vocabulary) for line in lines]
    return [[part for token in line for part in _parts(token, vocabulary)] for line in lines]


def _parts(token: str, vocabulary: Vocabulary) -> list[str]:
    cleaned = token if token in vocabulary else preprocess(token)
    return cleaned.split() or [cleaned]  # a space is a character
