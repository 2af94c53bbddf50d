"""This module loads a text to train on: Python's own help texts, The Time Machine, or any file."""

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from npseq.arguments import a_dtype, integer
from npseq.arguments import text as a_text
from npseq.data.lines import tokens_of
from npseq.data.numbering import Numbering
from npseq.data.reading import JOIN, STANDARD_INPUT, decoded
from npseq.data.sources import TIME_MACHINE as BOOK
from npseq.data.sources import digest, path_of
from npseq.data.text import Vocabulary
from npseq.files import as_path, existing

PYTHON_TOPICS, TIME_MACHINE = CORPORA = ("python-topics", "time-machine")


def load_corpus(
    name_or_path: str | PathLike[str] = "python-topics",
    token: str = "char",
    *,
    max_tokens: int | None = None,
    clean: str | None = None,
    min_freq: int = 0,
    max_size: int | None = None,
    end_of_line: str | None = None,
    dtype: Any = np.int64,
) -> tuple[np.ndarray, Vocabulary]:
    """Returns a text as token ids (N,), and its vocabulary, as d2l's `load_corpus_time_machine` does.

    It takes memory for the tokens that become ids, and some megabytes.

    Args:
        name_or_path: "python-topics", the topic help texts of Python, which need no file and change a little with the
            Python version; "time-machine", H. G. Wells, from the folder that the environment variable NPSEQ_DATA names,
            or downloaded once; or the path of a UTF-8 text file, which may be one that gzip made, or a pipe; "-" is the
            standard input.
        token: "char", "word" or "jieba", see `tokenize`.
        max_tokens: only the first so many tokens become ids; the vocabulary is always that of the whole text.
        clean: "none" takes a text as it is; a line end is a token, among words too. "letters" keeps letters and spaces,
            see `clean_lines`; lines are joined with a space, those of the two corpora with nothing, as in d2l. None is
            "letters" for "time-machine", and "none" for any other text.
        min_freq, max_size: of the vocabulary; other tokens become `<unk>`.
        end_of_line: a reserved token, say "<eos>", in the place of the end of each line that holds more than white
            space; `sentence_batches` makes batches of such lines.
        dtype: of the ids; None takes the integers of the fewest bytes.

    Raises:
        FileNotFoundError: if the file is missing.
        ConnectionError: if the download fails.
        ValueError: if The Time Machine is not byte for byte d2l's file, and as `read_lines` and `tokenize` do.

    Example:
        >>> ids, vocabulary = ns.data.load_corpus(max_tokens=1000, clean="letters")
        >>> ids.shape, len(vocabulary)
        ((1000,), 28)
    """
    if max_tokens is not None:
        max_tokens = integer("max_tokens", max_tokens)
    dtype = None if dtype is None else a_dtype(dtype, "iu")
    reserved = [] if end_of_line is None else [a_text("end_of_line", end_of_line)]
    if end_of_line is not None and end_of_line.split() != [end_of_line]:
        raise ValueError(f"end_of_line must be a token without white space, say '<eos>', got {end_of_line!r:.80}")
    Vocabulary(min_freq=min_freq, max_size=max_size, reserved_tokens=reserved)  # refuses before anything is read
    texts, source = _texts(name_or_path)
    if clean is None:
        clean = "letters" if name_or_path == TIME_MACHINE else "none"
    numbering, between = Numbering(max_tokens), "" if name_or_path in CORPORA else " "
    for part in tokens_of(texts, clean, token, source, end_of_line, between=between):
        numbering.add(part)
    counts = numbering.counts()
    vocabulary = Vocabulary(counts, min_freq=min_freq, max_size=max_size, reserved_tokens=reserved, token=token)
    if len(vocabulary) == 1 + len(reserved):
        raise ValueError(f"min_freq and max_size must leave a token of the text, got {min_freq} and {max_size}")
    return numbering.ids(vocabulary, dtype), vocabulary


def _texts(name_or_path: str | PathLike[str]) -> tuple[Iterable[str], str]:
    """Returns a text in parts, and the file that it is read from, in words."""
    name = name_or_path if isinstance(name_or_path, str) else ""
    if name == PYTHON_TOPICS:
        return [_python_topics()], ""
    if name == STANDARD_INPUT:
        return decoded(name), " (of the standard input)"
    path = _time_machine() if name == TIME_MACHINE else as_path(name_or_path, "name_or_path")
    what = f"a text, if not {' or '.join(map(repr, CORPORA))},"
    existing(path, what, pipe=True, others=CORPORA, of_a_folder=JOIN)
    return decoded(path), f" (file {str(path)!r})"


def _python_topics() -> str:
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        raise ImportError(
            "corpus 'python-topics' needs the module pydoc_data of a full CPython, which this Python lacks; "
            "load 'time-machine' or a text file"
        ) from error
    return "\n".join(topics[key] for key in sorted(topics))


def _time_machine() -> Path:
    path = path_of(BOOK)
    if (found := digest(path, BOOK.checksum)) != BOOK.checksum:
        raise ValueError(
            f"'time-machine' must be d2l's file with {BOOK.checksum}, {str(path)!r} has {found}; "
            f"take the file from {BOOK.url}, or load another text by its path"
        )
    return path
