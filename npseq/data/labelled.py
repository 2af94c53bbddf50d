"""This module reads labelled texts: CSV and TSV files, lists, data frames. Time comes first."""

import re
from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, NamedTuple, Self

import numpy as np

from npseq.arguments import flag, instance, integer, one_of, within
from npseq.backend import Seed, generator
from npseq.data.batches import check_padding, pad_sequences
from npseq.data.labelled_columns import HEADINGS, places_of, with_names
from npseq.data.lines import split as tokens_of_line
from npseq.data.table import read_table
from npseq.data.text import Vocabulary, folded
from npseq.shown import describe, in_notebooks

NUMBER = re.compile(r"-?\d*\.?\d+(e-?\d+)?")
LABEL_FIRST = "[line.split(maxsplit=1)[::-1] for line in file]"
MOST = 12  # labels whose numbers are shown


@in_notebooks
class Labelled(NamedTuple):
    """N texts as padded ids, and a label for each, or for each of their tokens."""

    ids: np.ndarray  # (T, N)
    targets: np.ndarray  # (N,) labels of texts, or (T, N) of tokens: places in `labels`
    lengths: np.ndarray  # (N,)
    vocab: Vocabulary  # numbers the tokens
    labels: tuple[str, ...]  # the names of the labels

    def __repr__(self) -> str:
        counts = np.bincount(self._places()[1], minlength=len(self.labels))
        order = np.argsort(-counts, kind="stable")
        shown = [f"{self.labels[k]} {counts[k]}" for k in order[:MOST]]
        more = [f"{len(order) - MOST} more"] if len(order) > MOST else []
        return describe(self, labels=", ".join(shown + more)) + self._unknown() + self._first()

    def _unknown(self) -> str:
        """How many of the tokens are unknown, as a line, if any is."""
        ids = self.ids[np.arange(len(self.ids))[:, None] < self.lengths]
        count = int((ids == self.vocab.unk).sum())
        return f"\n  unknown: {count} of {len(ids)} tokens" if count else ""

    def _first(self) -> str:
        """The first text with its label, or the first tokens with their tags, as a line."""
        if not len(self.lengths):
            return ""
        ids, targets = self.ids[: self.lengths[0], 0], self.targets[: self.lengths[0], ...]
        if targets.ndim == 1:
            return f"\n  first: {self.vocab.decode(ids)!r:.80} {self.labels[targets[0]]}"
        pairs = zip(self.vocab.to_tokens(ids), targets[:, 0], strict=True)
        return f"\n  first: {' '.join(f'{token}/{self.labels[k]}' for token, k in pairs):.80}"

    def split(self, share: float = 0.1, rng: Seed = 0) -> tuple[Self, Self]:
        """Returns two parts at random, to train on and to test with, under the same vocabulary and labels.

        Args:
            share: of the second part.
            rng: a seed or a Generator.
        """
        count = len(self.lengths)
        held = round(within("share", share, below=1) * count)
        order = generator(rng).permutation(count)
        return self.of(np.sort(order[held:])), self.of(np.sort(order[:held]))

    def of(self, rows: Any) -> Self:
        """Returns the texts of these places.

        Args:
            rows: integers (M,), or a mask (N,).
        """
        return self._replace(ids=self.ids[:, rows], targets=self.targets[..., rows], lengths=self.lengths[rows])

    def majority(self, learnt: "Labelled | None" = None) -> float:
        """Returns the accuracy that one has without a model: of always saying the most frequent label.

        Args:
            learnt: count there, under the same vocabulary; of tags, the most frequent one of each token is said.

        Raises:
            ValueError: if learnt has another vocabulary or other labels.
        """
        ids, targets = self._places()
        if not len(targets):
            raise ValueError("there must be a label to be said, got none")
        if learnt is None:
            ids, known, said = np.zeros_like(ids), np.zeros_like(ids), targets
        else:
            known, said = instance("learnt", learnt, Labelled, "labelled texts, as split returns them")._places()
            if learnt.vocab is not self.vocab or learnt.labels != self.labels:
                raise ValueError("learnt must have the same vocabulary and labels, as both parts of split do")
        counts = np.zeros((len(self.vocab), len(self.labels)), np.int64)
        np.add.at(counts, (known, said), 1)
        counts[counts.sum(axis=1) == 0] = counts.sum(axis=0)
        return float((counts.argmax(axis=1)[ids] == targets).mean())

    def _places(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the token and the label of every place that has one; of texts, 0 and the label of each."""
        if self.targets.ndim == 1:
            return np.zeros_like(self.targets), self.targets
        mask = np.arange(len(self.ids))[:, None] < self.lengths
        return self.ids[mask], self.targets[mask]


def load_labelled(
    source: str | PathLike[str] | Sequence[Any] | Any,
    *,
    text: str | int | None = None,
    label: str | int | None = None,
    token: str = "word",
    lower: bool = True,
    min_freq: int = 2,
    max_size: int | None = None,
    max_steps: int | None = None,
    missing: str = "refuse",
    delimiter: str | None = None,
    header: bool | None = None,
    like: Labelled | None = None,
) -> Labelled:
    """Returns labelled texts as ids.

    Args:
        source: a CSV or TSV file, which gzip may have packed; a list of (text, label), or of dicts; or a data frame.
        text, label: the columns, by name or place; None takes the only one of a usual name, as "text" or "label", else
            the longest texts, and the column of the fewest values that differ, of a list the last.
        token: "word", "char" or "jieba", see `tokenize`.
        lower: whether texts are made lower case.
        min_freq, max_size: of the vocabulary; other tokens become `<unk>`.
        max_steps: longer texts lose their ends; None keeps all.
        missing: "refuse" refuses a row without a text or a label, "drop" leaves it out.
        delimiter: of a file's columns; None finds it.
        header: whether a first row names the columns; None: if `text` or `label` is a name, or it looks like it; where
            it may as well be a text with a label of its own, it must be given.
        like: texts, or a model, whose vocabulary and labels these get; an unknown token is read in lower case.

    Raises:
        FileNotFoundError: if the file is missing.
        ValueError: for a table without these columns, with fewer than two labels, or one for every
            other text, as numbers are; for an empty text, by its line.

    Example:
        >>> data = ns.data.load_labelled([("good film", "+"), ("bad film", "-"), ("good", "+")], min_freq=1)
        >>> data.labels, data.targets.tolist(), data.ids.shape
        (('+', '-'), [0, 1, 0], (2, 3))
    """
    Vocabulary(min_freq=min_freq, max_size=max_size, token=token)  # refuses before anything is read
    lower, missing = flag("lower", lower), one_of("missing", missing, ("refuse", "drop"))
    longest = None if max_steps is None else integer("max_steps", max_steps)
    known = () if like is None else labels_of(like)
    what = "a table of labelled texts"
    table = read_table(source, delimiter=delimiter, header=header, wanted=(text, label), headings=HEADINGS, what=what)
    table.check_two_columns(what, f"(text, label), of lines as 'label a text' {LABEL_FIRST}")
    table = with_names(table, text, label) if header is None else table
    of_label, of_text = places_of(table, text, label, known)
    if of_label == of_text:
        raise ValueError(f"text and label must be two columns, got {text!r} and {label!r}")
    table = table.filled({"text": of_text, "label": of_label}, missing)
    texts, names = [str(row[of_text]) for row in table.rows], [str(row[of_label]).strip() for row in table.rows]
    if like is None:
        _check_labels(names, table.source)
        lines = [tokens_of_line(line.lower() if lower else line, token) for line in texts]
        vocabulary = Vocabulary(lines, min_freq=min_freq, max_size=max_size, token=token)
        check_known(lines, vocabulary, "text", ", a larger max_size more, and token='char' reads characters")
        labels = tuple(sorted(set(names)))
    else:
        labels, vocabulary = known, like.vocab
        lines = [folded(vocabulary.tokenize(line), vocabulary) for line in texts]
    if longest is None:
        check_padding("texts", [len(line) for line in lines], "max_steps")
    ids, lengths = pad_sequences([vocabulary[line] for line in lines], vocabulary.unk, length=longest)
    places = {name: k for k, name in enumerate(labels)}
    targets = [numbered(name, places, table.at, k) for k, name in enumerate(names)]
    return Labelled(ids, np.array(targets), lengths, vocabulary, labels)


def _check_labels(names: list[str], source: str) -> None:
    labels = tuple(sorted(set(names)))
    if len(labels) < 2:
        raise ValueError(f"labelled texts must have at least two labels, {source} has {labels}")
    measured = all(map(NUMBER.fullmatch, labels)) and "." in "".join(labels)
    if len(labels) > 20 and (measured or len(labels) > len(names) // 2):
        raise ValueError(
            f"a label must come again and again, {source} has {len(labels)} of them in {len(names)} rows, as "
            f"{labels[0]!r}; name the column of labels, or make classes of its numbers"
        )


def check_known(lines: Sequence[Sequence[str]], vocabulary: Vocabulary, what: str, more: str) -> None:
    """Raises ValueError where most of the lines hold no token that the vocabulary knows: all would look alike."""
    none = [line for line in lines if not any(token in vocabulary for token in line)]
    if 2 * len(none) > len(lines):
        raise ValueError(
            f"a {what} must hold tokens of the vocabulary, {len(none)} of {len(lines)} hold none, as "
            f"{' '.join(none[0])!r:.60}; a smaller min_freq keeps rarer tokens{more}"
        )


def labels_of(like: Any) -> tuple[str, ...]:
    """Returns the labels of data, or of a model, that others are to be like. Raises TypeError for what are none."""
    if isinstance(getattr(like, "vocab", None), Vocabulary) and hasattr(like, "classes_"):
        return tuple(map(str, like.classes_))
    return instance("like", like, Labelled, "data as these, a model of such, or None").labels


def numbered(name: str, places: dict[str, int], where: Callable[[int], str], at: int) -> int:
    """Returns the place of a label. Raises ValueError for an unknown one, with where it is."""
    if name not in places:
        known = ", ".join(map(repr, [*places][:20]))
        raise ValueError(f"a label must be one of {known}, {where(at)} has {name!r}; predict takes what has none")
    return places[name]
