"""This module loads pairs of sentences to translate: Tatoeba's, or synthetic ones that need no file.

The preprocessing is that of Dive into Deep Learning (d2l, "Machine Translation and the Dataset"). Time comes first.
"""

from collections import Counter
from collections.abc import Iterator
from math import log
from os import PathLike
from typing import Any, NamedTuple, Self

import numpy as np

from npseq.arguments import amount, flag, integer, number, one_of, within
from npseq.arrays import type_name
from npseq.backend import Seed, generator
from npseq.data.batches import check_padding, pad_sequences
from npseq.data.made_pairs import MADE, Tokens
from npseq.data.parallel_texts import TWO_FILES, read_pairs
from npseq.data.sentences import as_known, first_of_each, preprocess, tokenize_pairs
from npseq.data.sources import TATOEBA, path_of
from npseq.data.table import no_options
from npseq.data.text import Vocabulary
from npseq.shown import describe, in_notebooks

MISSING = ("refuse", "drop")
RESERVED = ("<pad>", "<bos>", "<eos>")


@in_notebooks
class Pairs(NamedTuple):
    """N sentence pairs as ids, each ended by <eos> and padded, their lengths and both vocabularies."""

    source: np.ndarray  # (S, N)
    source_lengths: np.ndarray  # (N,)
    target: np.ndarray  # (T, N)
    target_lengths: np.ndarray  # (N,)
    source_vocab: Vocabulary  # numbers the tokens of source
    target_vocab: Vocabulary  # numbers the tokens of target

    def __repr__(self) -> str:
        shown = [describe(self)]
        if len(self.source_lengths):
            sides = [
                vocab.decode(ids[:size, 0][ids[:size, 0] != vocab["<eos>"]])
                for ids, size, vocab in (
                    (self.source, self.source_lengths[0], self.source_vocab),
                    (self.target, self.target_lengths[0], self.target_vocab),
                )
            ]
            shown.append(f"  first: {sides[0]!r:.60} {sides[1]!r:.60}")
        return "\n".join(shown)

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
    source: str | int | None = None,
    target: str | int | None = None,
    token: str | tuple[str, str] | None = None,
    clean: str | None = None,
    steps: int | None = None,
    min_freq: int = 1,
    distinct_sources: bool = False,
    missing: str = "refuse",
    delimiter: str | None = None,
    header: bool | None = None,
    like: Pairs | Any = None,
    rng: Seed = 0,
) -> Pairs:
    """Returns sentence pairs as padded ids, as d2l's `load_data_nmt` does.

    Args:
        name_or_path: "dates" ("9 may 1998" to "1998-05-09", by characters) or "reversal" (letters, and the same from
            last to first), which need no file; "tatoeba", English and French, from the folder that the environment
            variable NPSEQ_DATA names, or d2l's whole file, downloaded once; or the path of a TSV or CSV file, which
            gzip may have packed; the paths of two files, in a tuple, whose lines are pairs; or pairs of texts
            themselves: a list of (source, target), or what yields them or dicts, or a data frame of pandas or polars.
        num_pairs: how many are made, or read at most, from the first on; None makes 600, and reads all of a file.
        source, target: of a file, a list or a data frame the columns, by name or place; None takes the two that have
            usual names, as languages are, else the first and the second, and refuses a number of each row there beside
            other columns.
        token: what their texts are split into, "word" or "char", or one of them for sources and one for targets; None
            is "char" for made pairs, else "word".
        clean: of them "d2l" makes texts lower case and sets , . ! ? apart, "none" keeps their words as they are; None
            is "d2l" for "tatoeba" and "none" for a file of one's own.
        steps: longer sentences lose their ends, <eos> included, as in d2l; None takes the longest.
        min_freq: rarer tokens become <unk>.
        distinct_sources: whether to take only the first pair of each source sentence (Tatoeba has several translations
            of one, which no model can predict).
        missing: "refuse" refuses a row without a source or a target, "drop" leaves it out.
        delimiter: of a file's columns; None finds it.
        header: whether a first row names the columns; None: if `source` or `target` is a name, or it holds names of
            languages, or such as "question" and "answer"; where single words are above sentences, it must be given.
        like: pairs, or a model, whose vocabularies and tokens these get.
        rng: of the synthetic pairs, a seed or a Generator.

    Raises:
        FileNotFoundError: if the file is missing.
        TypeError, ValueError: for an option that cannot be, and for a file with a row that is no pair, by its line.

    Example:
        >>> pairs = ns.data.load_pairs("reversal", 3)
        >>> pairs.source_vocab.decode(pairs.source[:, 0]), pairs.target_vocab.decode(pairs.target[:, 0])
        ('ccaaabg<eos>', 'gbaaacc<eos>')
    """
    named = isinstance(name_or_path, str | PathLike)
    made = str(name_or_path) if named and name_or_path in MADE else None
    tokens = _kinds(token, made) if like is None else _kinds_of(like)
    if num_pairs is not None:
        if way := _both(name_or_path, num_pairs):
            raise TypeError(f"num_pairs must be a positive integer, got {num_pairs!r:.40}; {way}")
        num_pairs = amount("num_pairs", num_pairs)
    steps = None if steps is None else amount("steps", steps)
    number("min_freq", min_freq)
    distinct_sources, missing = flag("distinct_sources", distinct_sources), one_of("missing", missing, MISSING)
    clean = None if clean is None else one_of("clean", clean, ("d2l", "none"))
    if made is not None:
        no_options(
            "pairs that are read", repr(made), source=source, target=target, clean=clean,
            delimiter=delimiter, header=header, distinct_sources=distinct_sources or None,
        )  # fmt: skip
        lines = MADE[made](600 if num_pairs is None else num_pairs, rng)
    else:
        known = named and name_or_path == "tatoeba"
        text = read_pairs(
            path_of(TATOEBA) if known else name_or_path, source, target,
            missing=missing, delimiter=delimiter, header=header,
        )  # fmt: skip
        as_d2l = (clean or ("d2l" if known else "none")) == "d2l"
        text = preprocess(text) if as_d2l else text
        text = first_of_each(text) if distinct_sources else text
        lines = tokenize_pairs(text, num_pairs, token=tokens, space=" " if as_d2l else None)
    return _numbered(lines, tokens, min_freq, like, steps)


def _kinds_of(like: Any) -> tuple[str, str]:
    """Returns what the texts of pairs, or of a model of such, are split into. Raises TypeError for anything else."""
    vocabs = [getattr(like, f"{side}_vocab", None) for side in ("source", "target")]
    if not all(isinstance(vocab, Vocabulary) for vocab in vocabs):
        raise TypeError(f"like must be pairs, as load_pairs returns them, or a model of such, got {type_name(like)}")
    return like.source_vocab.token, like.target_vocab.token


def _numbered(
    lines: tuple[Tokens, Tokens], tokens: tuple[str, str], min_freq: int, like: Any, steps: int | None
) -> Pairs:
    """Returns lines of tokens as ids, under their own vocabularies, or under those of `like`."""
    if steps is None:
        for side in lines:
            check_padding("pairs", [len(line) + 1 for line in side], "steps")
    if like is None:
        vocabs = [
            Vocabulary(side, min_freq=min_freq, reserved_tokens=RESERVED, token=kind)
            for side, kind in zip(lines, tokens, strict=True)
        ]
    else:
        vocabs = [like.source_vocab, like.target_vocab]
        lines = as_known(lines[0], vocabs[0]), as_known(lines[1], vocabs[1])
    arrays = [build_array(side, vocab, steps) for side, vocab in zip(lines, vocabs, strict=True)]
    return Pairs(*arrays[0], *arrays[1], *vocabs)


def _both(first: Any, second: Any) -> str:
    """What makes pairs of two sides, where these are sides; "" where they are none."""
    if all(isinstance(side, str | PathLike) for side in (first, second)) and first not in (*MADE, "tatoeba"):
        return f"of two files {TWO_FILES}"
    lists = all(isinstance(side, list | tuple | np.ndarray) or hasattr(side, "to_list") for side in (first, second))
    return "list(zip(first, second)) makes pairs of two lists" if lists else ""


def _kinds(token: Any, made: str | None) -> tuple[str, str]:
    """Returns what the texts of each side are split into. made: the name of made pairs, which are of characters."""
    usual = "word" if made is None else "char"
    kinds = tuple(token) if isinstance(token, list | tuple) else (token or usual,) * 2
    if len(kinds) != 2 or not all(kind in ("word", "char") for kind in kinds):
        raise ValueError(f"token must be 'word', 'char', or one of them for each side, got {token!r:.80}")
    if made is not None and "word" in kinds:
        raise ValueError(f"token must be 'char' for {made!r}, got {token!r}")
    return kinds[0], kinds[1]


def build_array(lines: Tokens, vocabulary: Vocabulary, steps: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Returns ids (T, N) of N lines of tokens, each followed by <eos>, truncated and padded, and lengths (N,).

    steps: T; None takes the longest line and its <eos>. Raises ValueError if the vocabulary lacks <pad> or <eos>.
    """
    for token in ("<pad>", "<eos>"):
        if token not in vocabulary:
            raise ValueError(f"the vocabulary must hold {token}; make it with reserved_tokens={RESERVED}")
    rows = [[*vocabulary[line], vocabulary["<eos>"]] for line in lines]
    return pad_sequences(rows, vocabulary["<pad>"], length=steps)
