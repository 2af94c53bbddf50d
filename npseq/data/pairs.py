"""This module loads pairs of sentences to translate: Tatoeba's, or synthetic ones that need no file.

The preprocessing is that of Dive into Deep Learning (d2l, "Machine Translation and the Dataset"). Time comes first.
"""

from collections import Counter
from collections.abc import Iterator
from math import log
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from npseq.arguments import amount, flag, integer, number, one_of, within
from npseq.backend import Seed, generator
from npseq.data.batches import pad_sequences
from npseq.data.reading import lines_of
from npseq.data.sources import TATOEBA, path_of
from npseq.data.table import read_table
from npseq.data.text import Vocabulary

RESERVED = ("<pad>", "<bos>", "<eos>")
MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip

Tokens = list[list[str]]


class Pairs(NamedTuple):
    """N sentence pairs as ids, each ended by <eos> and padded, their lengths and both vocabularies."""

    source: np.ndarray  # (S, N)
    source_lengths: np.ndarray  # (N,)
    target: np.ndarray  # (T, N)
    target_lengths: np.ndarray  # (N,)
    source_vocab: Vocabulary  # numbers the tokens of source
    target_vocab: Vocabulary  # numbers the tokens of target

    def least_loss(self) -> float:
        """Returns the least summed cross-entropy, in nats, that a model can reach, since sources have several targets.

        It is -sum log(pairs of this source and target / pairs of this source), over the ids with their <unk>.
        """
        sources = [tuple(column) for column in self.source.T.tolist()]
        both = Counter(zip(sources, map(tuple, self.target.T.tolist()), strict=True))
        each = Counter(sources)
        return sum(count * log(each[source] / count) for (source, _), count in both.items())

    def split(self, count: int | float, rng: Seed = 0) -> tuple[Self, Self]:
        """Returns two parts, to train on and to test with, under the same vocabularies.

        Args:
            count: how many come first; or a share below 1, of pairs at random that are the second part.
            rng: of a share, a seed or a Generator.
        """
        size = self.source.shape[1]
        order = np.arange(size)
        if isinstance(count, float):
            order = generator(rng).permutation(size)
            count = size - round(within("count", count, below=1) * size)
        count = integer("count", count, 0, size + 1)
        return tuple(  # type: ignore[return-value]
            self._replace(
                source=self.source[:, rows],
                source_lengths=self.source_lengths[rows],
                target=self.target[:, rows],
                target_lengths=self.target_lengths[rows],
            )
            for rows in (np.sort(order[:count]), np.sort(order[count:]))
        )

    def batches(self, batch_size: int, rng: Seed = None) -> Iterator[tuple[np.ndarray, ...]]:
        """Yields all pairs once in random order as (source, target, source_lengths, target_lengths).

        Args:
            batch_size: pairs of a batch; the last may have fewer.
            rng: a seed or a Generator.
        """
        batch_size = integer("batch_size", batch_size)
        order = generator(rng).permutation(self.source.shape[1])
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            yield self.source[:, rows], self.target[:, rows], self.source_lengths[rows], self.target_lengths[rows]


def load_pairs(
    name_or_path: str | PathLike[str] | Any = "dates",
    num_pairs: int | None = None,
    *,
    token: str | tuple[str, str] = "word",
    clean: str | None = None,
    steps: int | None = None,
    min_freq: int = 1,
    distinct_sources: bool = False,
    rng: Seed = 0,
) -> Pairs:
    """Returns sentence pairs as padded ids, as d2l's `load_data_nmt` does.

    Args:
        name_or_path: "dates" ("9 may 1998" to "1998-05-09", by characters) or "reversal" (letters, and the same from
            last to first), which need no file; "tatoeba", English and French, from the folder that the environment
            variable NPSEQ_DATA names, or d2l's whole file, downloaded once; or the path of a UTF-8 file of lines
            "source TAB target TAB anything"; or pairs of texts themselves, a list of (source, target) or a data frame,
            whose first two columns are taken.
        num_pairs: how many are made, or read at most, from the first on; None makes 600, and reads all of a file.
        token: what the texts of a file or a list are split into, "word" or "char", or one of them for sources and one
            for targets.
        clean: of a file: "d2l" makes it lower case and sets , . ! ? apart, "none" keeps its words as they are; None is
            "d2l" for "tatoeba" and "none" for a file of one's own.
        steps: longer sentences lose their ends, <eos> included, as in d2l; None takes the longest.
        min_freq: rarer tokens become <unk>.
        distinct_sources: whether to take only the first pair of each source sentence (Tatoeba has several translations
            of one, which no model can predict).
        rng: of the synthetic pairs, a seed or a Generator.

    Raises:
        FileNotFoundError: if the file is missing.
        TypeError, ValueError: for an option that cannot be, and for a file with a line that is no pair, by its number.

    Example:
        >>> pairs = ns.data.load_pairs("reversal", 3)
        >>> pairs.source_vocab.decode(pairs.source[:, 0]), pairs.target_vocab.decode(pairs.target[:, 0])
        ('c c a a a b g <eos>', 'g b a a a c c <eos>')
    """
    tokens = (token, token) if isinstance(token, str) else tuple(token)
    if len(tokens) != 2 or not all(kind in ("word", "char") for kind in tokens):
        raise ValueError(f"token must be 'word', 'char', or one of them for each side, got {token!r}")
    in_memory = not isinstance(name_or_path, str | PathLike)
    if num_pairs is not None:
        num_pairs = amount("num_pairs", num_pairs)
    steps = None if steps is None else amount("steps", steps)
    number("min_freq", min_freq)
    distinct_sources = flag("distinct_sources", distinct_sources)
    if not in_memory and name_or_path in MADE:
        source, target = MADE[str(name_or_path)](600 if num_pairs is None else num_pairs, rng)
    else:
        known = not in_memory and name_or_path == "tatoeba"
        text = _given(name_or_path) if in_memory else read_pairs(path_of(TATOEBA) if known else Path(name_or_path))
        if one_of("clean", clean or ("d2l" if known else "none"), ("d2l", "none")) == "d2l":
            text = preprocess(text)
        text = first_of_each(text) if distinct_sources else text
        source, target = tokenize_pairs(text, num_pairs, token=tokens)
    source_vocab, target_vocab = (
        Vocabulary(lines, min_freq=min_freq, reserved_tokens=RESERVED, token=kind)
        for lines, kind in zip((source, target), tokens, strict=True)
    )
    return Pairs(
        *build_array(source, source_vocab, steps),
        *build_array(target, target_vocab, steps),
        source_vocab,
        target_vocab,
    )


def read_pairs(path: str | PathLike[str]) -> str:
    """Reads a file of lines "source TAB target TAB anything", and returns lines "source TAB target", no blank ones.

    Raises FileNotFoundError for a missing file, ValueError if it is not UTF-8 or has a line that is no pair.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"sentence pairs must be {', '.join(map(repr, MADE))}, 'tatoeba' or an existing file, got {str(path)!r}"
        )
    pairs = []
    for at, line in enumerate(lines_of(path, "a file of sentence pairs"), 1):
        parts = line.split("\t")[:2]
        if line.strip() and not (len(parts) == 2 and all(part.strip() for part in parts)):
            wrong = "has no tab" if len(parts) == 1 else f"has no {'target' if parts[0].strip() else 'source'}"
            raise ValueError(
                f"a line must be source TAB target, line {at} of {str(path)!r} {wrong}; a list of (source, target) "
                "does as well, say list(csv.reader(file))"
            )
        if line.strip():
            pairs.append("\t".join(parts))
    return "\n".join(pairs)


def _given(pairs: Any) -> str:
    """Returns pairs in memory as lines "source TAB target". Raises TypeError or ValueError for what is no pair."""
    rows = read_table(pairs, what="sentence pairs").rows
    for k, row in enumerate(rows):
        if len(row) < 2 or not all(isinstance(text, str) and text.strip() for text in row[:2]):
            raise ValueError(f"a pair must be two texts (source, target), got {row!r:.80} in place {k}")
    lines = [[" ".join(text.split("\t")).replace("\n", " ") for text in row[:2]] for row in rows]
    return "\n".join("\t".join(line) for line in lines)


def preprocess(text: str) -> str:
    """Returns text in lower case, with ordinary spaces and a space before each of , . ! ? (d2l's `preprocess_nmt`)."""
    text = text.replace("\u202f", " ").replace("\xa0", " ").lower()
    apart = (" " + char if i > 0 and char in ",.!?" and text[i - 1] != " " else char for i, char in enumerate(text))
    return "".join(apart)


def tokenize_pairs(
    text: str, num_pairs: int | None = None, *, keep_one_more: bool = False, token: tuple[str, str] = ("word", "word")
) -> tuple[Tokens, Tokens]:
    """Returns the words of both columns of the first num_pairs lines "source TAB target" (d2l's `tokenize_nmt`).

    token: of each side "word", or "char" for the characters. keep_one_more: d2l stops where i > num_examples, and so
    keeps 601 lines of 600; True does the same.
    Raises ValueError for a text without pairs.
    """
    count = None if num_pairs is None else num_pairs + keep_one_more
    pairs = [line.split("\t") for line in text.split("\n")[:count] if line.count("\t") == 1]
    if not pairs:
        raise ValueError("a text must hold lines of source TAB target, found none")
    source, target = ([_cut(pair[k], kind) for pair in pairs] for k, kind in enumerate(token))
    return source, target


def _cut(text: str, token: str) -> list[str]:
    return list(text) if token == "char" else [word for word in text.split(" ") if word]


def first_of_each(text: str) -> str:
    """Returns the first line of each source, in order."""
    first: dict[str, str] = {}
    for line in text.split("\n"):
        first.setdefault(line.partition("\t")[0], line)
    return "\n".join(first.values())


def build_array(lines: Tokens, vocabulary: Vocabulary, steps: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Returns ids (T, N) of N lines of tokens, each followed by <eos>, truncated and padded, and lengths (N,).

    steps: T; None takes the longest line and its <eos>. Raises ValueError if the vocabulary lacks <pad> or <eos>.
    """
    for token in ("<pad>", "<eos>"):
        if token not in vocabulary:
            raise ValueError(f"the vocabulary must hold {token}; make it with reserved_tokens={RESERVED}")
    rows = [[*vocabulary[line], vocabulary["<eos>"]] for line in lines]
    return pad_sequences(rows, vocabulary["<pad>"], length=steps)


def date_pairs(count: int, rng: Seed = 0) -> tuple[Tokens, Tokens]:
    """Returns the characters of dates as people write them ("9 may 1998", "may 9, 1998", "09/05/98") and in ISO 8601.

    Years are 1950 to 2049, so two digits determine them, and days 1 to 28.
    """
    rng = generator(rng)
    years, months, days = rng.integers(1950, 2050, count), rng.integers(1, 13, count), rng.integers(1, 29, count)
    forms = rng.integers(0, 3, count)
    dates = list(zip(years.tolist(), months.tolist(), days.tolist(), strict=True))
    source = [_written(date, form) for date, form in zip(dates, forms.tolist(), strict=True)]
    target = [f"{year}-{month:02d}-{day:02d}" for year, month, day in dates]
    return [list(text) for text in source], [list(text) for text in target]


def reversal_pairs(count: int, rng: Seed = 0, letters: str = "abcdefgh", longest: int = 8) -> tuple[Tokens, Tokens]:
    """Returns 1 to `longest` random letters, and the same from the last to the first."""
    rng = generator(rng)
    source = [list(rng.choice(list(letters), size)) for size in rng.integers(1, longest + 1, count)]
    source = [[str(letter) for letter in line] for line in source]
    return source, [line[::-1] for line in source]


MADE = {"dates": date_pairs, "reversal": reversal_pairs}


def _written(date: tuple[int, int, int], form: int) -> str:
    year, month, day = date
    name = MONTHS[month - 1]
    return (f"{day} {name} {year}", f"{name} {day}, {year}", f"{day:02d}/{month:02d}/{year % 100:02d}")[form]
