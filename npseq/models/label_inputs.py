"""This module reads what a Classifier and a Tagger are given: texts, sentences of tokens, and labels by name."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from npseq.arrays import is_own, type_name
from npseq.data import Vocabulary
from npseq.data.text import folded

LINES = (list, tuple, np.ndarray)  # of tokens


def is_texts(x: Any, expected: bool = False) -> bool:
    """Whether x is a list of texts, or of lists of tokens, an array or a pandas Series of texts among them.

    expected: whether texts are, by a model with a vocabulary; anything that must be made a list first is refused then.

    Raises TypeError for one text, ValueError for an empty list.
    """
    if isinstance(x, str):
        raise TypeError("texts must be a list of strings, got one string; pass [texts]")
    if isinstance(x, np.ndarray):
        return x.ndim == 1 and x.dtype.kind in "OUT"
    if expected and hasattr(x, "columns"):
        raise TypeError(f"texts must be a list of strings, got a whole {type_name(x)}; pass one of its columns")
    if not isinstance(x, list | tuple) and not hasattr(x, "to_list"):
        if expected and isinstance(x, Iterable) and not is_own(x) and not hasattr(x, "__array__"):
            raise TypeError(f"texts must be a list of strings, got {type_name(x)}; pass list(...) of it")
        return False
    values = list(x)
    if not values:
        raise ValueError("texts must be at least one, got an empty list")
    first: Any = next((one for one in values if not isinstance(one, LINES) or len(one)), "")
    return isinstance(first[0] if isinstance(first, LINES) else first, str)


def lines_of(texts: Sequence[Any], vocabulary: Vocabulary, whole: bool) -> list[list[str]]:
    """Returns the tokens of texts, or of lists of tokens; an unknown one is in lower case.

    whole: whether a text has one label, so that a list of a few texts may have been meant where it has tokens that are
    texts themselves.

    Raises:
        TypeError: for anything else.
    """
    lines = []
    for place, text in enumerate(texts):
        tokens = vocabulary.tokenize(text) if isinstance(text, str) else text
        if not isinstance(tokens, LINES) or not all(isinstance(token, str) for token in tokens):
            raise TypeError(f"texts must be strings, or lists of tokens, got {text!r:.60} in place {place}")
        if whole and not isinstance(text, str):
            _check_tokens(tokens, vocabulary, place)
        lines.append(folded(tokens, vocabulary))
    return lines


def _check_tokens(tokens: Iterable[str], vocabulary: Vocabulary, place: int) -> None:
    """Raises TypeError for a token that is a text of several, unless the vocabulary knows such."""

    def is_text(token: str) -> bool:
        return vocabulary.token != "jieba" and len(vocabulary.tokenize(token)) > 1

    found = next((token for token in tokens if token not in vocabulary and is_text(token)), None)
    if found is not None and not any(map(is_text, vocabulary.tokens[1:])):
        raise TypeError(
            f"a list of tokens must hold one in each place, got {found!r:.60} in place {place}; give a text as a "
            "string, [text] for one"
        )


def by_name(values: Any) -> bool:
    """Whether these are names of labels: strings in a list, an array or a pandas Series."""
    held = list(values) if isinstance(values, LINES) or hasattr(values, "to_list") else []
    return bool(held) and isinstance(held[0], str)


def holding(names: Sequence[str], rows: Any) -> Any:
    """Returns for each text which of the labels hold, (B, K), of lists or sets of their names; anything else as it is.

    Raises ValueError for another name, and for names that are in no list.
    """
    if by_name(rows):
        raise ValueError(f"a target must be a list of the labels that hold, got {next(iter(rows))!r}; put it into one")
    if not isinstance(rows, LINES) or not any(by_name(list(row) if isinstance(row, set) else row) for row in rows):
        return rows
    if other := [name for row in rows for name in row if name not in names]:
        raise ValueError(f"a target must be a list of the labels {list(names)[:20]}, got {other[0]!r}")
    return np.array([[name in row for name in names] for row in rows])


def names_of(labels: Any) -> list[str]:
    """Returns the names of labels. Raises TypeError for what are none, or the same twice."""
    named = isinstance(labels, list | tuple) or (isinstance(labels, np.ndarray) and labels.ndim == 1)
    if (
        not named
        or not len(labels)
        or not all(isinstance(name, str) for name in labels)
        or len(set(labels)) < len(labels)
    ):
        raise TypeError(f"num_labels must be how many labels there are, or their names, each once, got {labels!r:.80}")
    return [str(name) for name in labels]
