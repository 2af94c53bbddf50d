"""This module reads labelled texts and tagged sentences: CSV, TSV, CoNLL, lists, data frames. Time comes first."""

import re
from collections import Counter
from collections.abc import Sequence
from os import PathLike
from typing import Any, NamedTuple, Self

import numpy as np

from npseq.arguments import instance, integer, one_of, within
from npseq.backend import Seed, generator
from npseq.data.batches import pad_sequences
from npseq.data.lines import split as tokens_of_line
from npseq.data.reading import lines_of
from npseq.data.table import Table, read_table
from npseq.data.text import Vocabulary

NO_WORD = re.compile(r"\d+[-.]\d+")  # in the first of CoNLL-U's ten columns
HEADINGS = {
    "text",
    "label",
    "labels",
    "class",
    "category",
    "sentence",
    "message",
    "target",
    "review",
    "sentiment",
    "id",
}


class Labelled(NamedTuple):
    """N texts as padded ids, and a label for each, or for each of their tokens."""

    ids: np.ndarray  # (T, N)
    targets: np.ndarray  # (N,) labels of texts, or (T, N) of tokens: places in `labels`
    lengths: np.ndarray  # (N,)
    vocab: Vocabulary  # numbers the tokens
    labels: tuple[str, ...]  # the names of the labels

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
) -> Labelled:
    """Returns labelled texts as ids.

    Args:
        source: a CSV or TSV file, which gzip may have packed; a list of (text, label); or a data frame.
        text, label: the columns, by name or place; None takes the longest texts, and the column of the fewest values,
            of a list the last.
        token: "word", "char" or "jieba", see `tokenize`.
        lower: whether texts are made lower case.
        min_freq, max_size: of the vocabulary; other tokens become `<unk>`.
        max_steps: longer texts lose their ends; None keeps all.
        missing: "refuse" refuses a row without a text or a label, "drop" leaves it out.
        delimiter: of a file's columns; None finds it.
        header: whether a first row names the columns; None: if `text` or `label` is a name, or it looks like it.

    Raises:
        FileNotFoundError: if the file is missing.
        ValueError: for a table without these columns, with fewer than two labels, or one for every
            other text, as numbers are; for an empty text, by its row.

    Example:
        >>> data = ns.data.load_labelled([("good film", "+"), ("bad film", "-"), ("good", "+")], min_freq=1)
        >>> data.labels, data.targets.tolist(), data.ids.shape
        (('+', '-'), [0, 1, 0], (2, 3))
    """
    if header is None and (isinstance(text, str) or isinstance(label, str)):
        header = True
    table = _named(read_table(source, delimiter=delimiter, header=header, what="a table of labelled texts"), header)
    if len(table.rows[0]) < 2:
        raise ValueError(f"a table of labelled texts must have two columns, {table.source} has one; name the delimiter")
    of_label, of_text = _places(table, text, label)
    if one_of("missing", missing, ("refuse", "drop")) == "drop":
        table = table._replace(rows=[row for row in table.rows if not any(_empty(row[k]) for k in (of_text, of_label))])
    for what, place in (("text", of_text), ("label", of_label)):
        if empty := [k for k, row in enumerate(table.rows, 1) if _empty(row[place])]:
            raise ValueError(
                f"a row must have a {what}, row {empty[0]} of {table.source} has none; leave out all such rows by "
                "missing='drop'"
            )
    texts, names = [str(row[of_text]) for row in table.rows], [str(row[of_label]).strip() for row in table.rows]
    labels = tuple(sorted(Counter(names)))
    if len(labels) < 2:
        raise ValueError(f"labelled texts must have at least two labels, {table.source} has {labels}")
    if len(labels) > max(20, len(names) // 2):
        raise ValueError(
            f"a label must come again and again, {table.source} has {len(labels)} of them in {len(names)} rows, as "
            f"{labels[0]!r}; name the column of labels, or make classes of its numbers"
        )
    lines = [tokens_of_line(line.lower() if lower else line, token) for line in texts]
    vocabulary = Vocabulary(lines, min_freq=min_freq, max_size=max_size, token=token)
    ids, lengths = pad_sequences([vocabulary[line] for line in lines], vocabulary.unk, length=max_steps)
    places = {name: k for k, name in enumerate(labels)}
    return Labelled(ids, np.array([places[name] for name in names]), lengths, vocabulary, labels)


def _places(table: Table, text: str | int | None, label: str | int | None) -> tuple[int, int]:
    """Returns the columns of labels and of texts: those that are named, or that look like them."""
    columns = list(zip(*table.rows, strict=True))

    def kinds_and_length(k: int) -> tuple[int, int]:
        return len(set(map(str, columns[k]))), sum(len(str(cell)) for cell in columns[k])

    usual = len(columns) - 1 if table.is_list else min(range(len(columns)), key=kinds_and_length)
    of_label = table.place(label, usual, "label")
    others = [k for k in range(len(columns)) if k != of_label]
    return of_label, table.place(text, max(others, key=lambda k: kinds_and_length(k)[1]), "text")


def _empty(cell: Any) -> bool:
    return cell is None or not str(cell).strip()


def _named(table: Table, header: bool | None) -> Table:
    """Takes the first row for names, if all of its words are HEADINGS, or its label comes there alone."""
    first, rest = [str(cell).strip() for cell in table.rows[0]], table.rows[1:]
    if header is not None or table.names is not None or not isinstance(table.rows[0][0], str) or len(rest) < 2:
        return table
    columns = list(zip(*rest, strict=True))
    labels = min(columns, key=lambda cells: len(set(cells)))
    place, counts = columns.index(labels), Counter(labels)
    alone = first[place] not in counts and min(counts.values()) > 1
    if alone or all(name.lower() in HEADINGS for name in first):
        return table._replace(names=tuple(first), rows=rest)
    return table


def load_tagged(
    source: str | PathLike[str] | Sequence[Any],
    *,
    token: int = 0,
    tag: int = -1,
    lower: bool = False,
    min_freq: int = 2,
    form: str = "conll",
) -> Labelled:
    """Returns tagged sentences as ids.

    Args:
        source: a file of one of the forms, which gzip may have packed; or a list of sentences, each a list of (token,
            tag).
        token, tag: the columns of a file of CoNLL; of CoNLL-U they are 1 and 3.
        lower: whether tokens are made lower case.
        min_freq: rarer tokens become `<unk>`.
        form: "conll": a line a token, whose columns are parted by tabs, or by white space where it has no tab, and an
            empty line behind each sentence; lines that begin with # or -DOCSTART- are skipped, of CoNLL-U also those
            of several words and of none (1-2, 8.1). "slash": a line a sentence, of tokens as word/tag.

    Raises:
        FileNotFoundError: if the file is missing.
        ValueError: for a file without a sentence, or a line without these columns, by its number.

    Example:
        >>> data = ns.data.load_tagged([[("the", "D"), ("cat", "N")], [("cats", "N")]], min_freq=1)
        >>> data.labels, data.targets.tolist(), data.lengths.tolist()
        (('D', 'N'), [[0, 1], [1, 0]], [2, 1])
    """
    one_of("form", form, ("conll", "slash"))
    if not isinstance(source, str | PathLike):
        sentences = _of_list(source)
    else:
        sentences = _of_conll(source, token, tag) if form == "conll" else _of_slashes(source)
    if not sentences:
        raise ValueError("tagged sentences must be at least one, got none")
    lines = [[(word.lower() if lower else word) for word, _ in sentence] for sentence in sentences]
    labels = tuple(sorted({name for sentence in sentences for _, name in sentence}))
    places = {name: k for k, name in enumerate(labels)}
    vocabulary = Vocabulary(lines, min_freq=integer("min_freq", min_freq, 0), token="word")
    ids, lengths = pad_sequences([vocabulary[line] for line in lines], vocabulary.unk)
    targets, _ = pad_sequences([[places[name] for _, name in sentence] for sentence in sentences])
    return Labelled(ids, targets, lengths, vocabulary, labels)


def _of_list(source: Any) -> list[list[tuple[str, str]]]:
    found = []
    for k, sentence in enumerate(source):
        if not isinstance(sentence, list | tuple) or not sentence or any(len(pair) != 2 for pair in sentence):
            raise ValueError(f"a tagged sentence must be a list of (token, tag), got {sentence!r:.80} in place {k}")
        found.append([(str(word), str(name)) for word, name in sentence])
    return found


def _of_conll(path: str | PathLike[str], token: int, tag: int) -> list[list[tuple[str, str]]]:
    sentences: list[list[tuple[str, str]]] = [[]]
    for at, line in enumerate(lines_of(path, "a file of tagged sentences"), 1):
        cells = [cell.strip() for cell in line.split("\t")] if "\t" in line else line.split()
        if not line.strip():
            sentences.append([])
        elif not line.startswith(("#", "-DOCSTART-")) and not (len(cells) == 10 and NO_WORD.fullmatch(cells[0])):
            if not max(-token, token + 1, -tag, tag + 1) <= len(cells) or len(cells) < 2:
                raise ValueError(
                    f"a line must hold a token and its tag, line {at} of {str(path)!r} has the columns {cells}; name "
                    "their places, token and tag"
                )
            sentences[-1].append((cells[token], cells[tag]))
    return [sentence for sentence in sentences if sentence]


def _of_slashes(path: str | PathLike[str]) -> list[list[tuple[str, str]]]:
    sentences = []
    for at, line in enumerate(lines_of(path, "a file of tagged sentences"), 1):
        pairs = [cell.rpartition("/") for cell in line.split()]
        if bad := [word + tag for word, _, tag in pairs if not (word and tag)]:
            raise ValueError(f"a token must be word/tag, line {at} of {str(path)!r} has {bad[0]!r}")
        sentences.append([(word, tag) for word, _, tag in pairs])
    return [sentence for sentence in sentences if sentence]
