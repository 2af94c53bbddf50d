"""This module numbers the tokens of a text that comes in parts, and takes the memory of the numbers that are kept.

Characters are numbered by one look-up for all of a part, so that a text of 100 MB is read in seconds.
"""

from collections import Counter, defaultdict
from typing import Any

import numpy as np

NARROW = (np.int8, np.int16, np.int32, np.int64)  # signed, as all ids are, so that nothing is copied later


class Numbering:
    """Numbers tokens in the order of their first appearance, counts them, and keeps the numbers of the first.

    Args:
        most: how many numbers are kept, None for all.
    """

    def __init__(self, most: int | None = None):
        self.left = most
        self._number: defaultdict[str, int] = defaultdict()
        self._number.default_factory = self._number.__len__
        self._of_code = np.full(128, -1, np.int32)  # the number of each character
        self._counts = np.zeros(0, np.int64)
        self._kept: list[np.ndarray] = []

    def add(self, part: str | list[str]) -> None:
        """Numbers the next tokens: those of a list, or each character of a text."""
        if not part:
            return
        if isinstance(part, str):
            numbers = self._of_characters(part)
        else:
            numbers = np.fromiter(map(self._number.__getitem__, part), np.int32, len(part))
        counts = np.bincount(numbers, minlength=len(self._number))
        counts[: len(self._counts)] += self._counts
        self._counts = counts
        kept = numbers if self.left is None else numbers[: self.left]
        if self.left is not None:
            self.left -= len(kept)
        if len(kept):
            self._kept.append(kept.astype(narrowest(len(self._number))))

    def _of_characters(self, text: str) -> np.ndarray:
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        if (highest := int(codes.max())) >= len(self._of_code):
            grown = np.full(highest + 1, -1, np.int32)
            grown[: len(self._of_code)] = self._of_code
            self._of_code = grown
        numbers = self._of_code[codes]
        if numbers.min() < 0:
            for character in dict.fromkeys(map(chr, codes[numbers < 0].tolist())):
                self._of_code[ord(character)] = self._number[character]
            numbers = self._of_code[codes]
        return numbers

    def counts(self) -> Counter[str]:
        """Returns how often each token came, in the order of first appearance."""
        return Counter(dict(zip(self._number, self._counts.tolist(), strict=True)))

    def ids(self, vocabulary: Any, dtype: Any) -> np.ndarray:
        """Returns the ids (N,) of the tokens that were kept, and forgets them.

        Args:
            vocabulary: gives the id of a token.
            dtype: of the ids; None takes the narrowest.
        """
        table = np.array([vocabulary[token] for token in self._number], np.int64)
        length = sum(map(len, self._kept))
        ids, end = np.empty(length, narrowest(len(vocabulary)) if dtype is None else dtype), length
        while self._kept:  # from the last, so that each part's memory is free before the next one takes its own
            part = self._kept.pop()
            ids[end - len(part) : end] = table[part]
            end -= len(part)
        return ids


def narrowest(count: int) -> Any:
    """Returns the dtype of least bytes that holds 0 to count - 1."""
    return next(dtype for dtype in NARROW if count - 1 <= np.iinfo(dtype).max)
