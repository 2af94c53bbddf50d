"""These values and types are shared by the flags of several commands."""

import argparse
import os
import shlex
from collections.abc import Callable, Container
from typing import Any

from npseq.data.reading import JOIN, STANDARD_INPUT
from npseq.files import as_path, existing

CELLS = ("rnn", "gru", "lstm")
CORPORA = ("python-topics", "time-machine")
MOST_SHOWN = 4  # paths in an error


def number(kind: type, nullable: bool = False) -> Callable[[str], Any]:
    """Returns a function that reads a flag's number; nullable: "none" is None."""

    def read(text: str) -> Any:
        try:
            return None if nullable and text == "none" else kind(text)
        except ValueError:
            wanted = f"must be {'an integer' if kind is int else 'a number'}{' or none' if nullable else ''}"
            raise argparse.ArgumentTypeError(f"{wanted}, got {text!r}") from None

    return read


class OneText(argparse.Action):
    """Takes one text, and refuses a second one, which would silently take the place of the first."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option: str | None = None) -> None:
        if (first := getattr(namespace, self.dest, None)) is not None:
            parser.error(one_text([first, values]))
        setattr(namespace, self.dest, values)


def one_text(paths: list[str]) -> str:
    """Says what to do with several texts."""
    return f"one --text is read, got {len(paths)}; join them: cat {shown(paths)} > all.txt, then --text all.txt"


def without_flag(words: list[str], flags: Container[str], text: str | None) -> str:
    """Says by which flag words of a command line are given that are no arguments, "" where there is none.

    text: what --text has named already.
    """
    if "--text" in flags and all(os.path.exists(word) for word in words):
        one = text is None and len(words) == 1
        several = f"; {one_text([*([] if text is None else [text]), *words])}"
        return f"; a text is named by --text {shlex.quote(words[0])}" if one else several
    if "--prefix" in flags and not words[0].startswith("-"):
        return f"; a prefix is given by --prefix {shlex.quote(' '.join(words))}"
    return ""


def shown(paths: list[str]) -> str:
    """Returns some paths as a shell takes them, FILES for many."""
    return " ".join(map(shlex.quote, paths)) if len(paths) <= MOST_SHOWN else "FILES"


def text_file(path: str, what: str = "--text") -> str:
    """Returns the absolute path of a text, which a run keeps, or "-". Raises FileNotFoundError if it is not there."""
    if path == STANDARD_INPUT:
        return path
    given = existing(as_path(path, what), what, pipe=True, of_a_folder=JOIN)
    return str(given.absolute() if given.is_fifo() else given.resolve())
