"""These values and types are shared by the flags of several commands."""

import argparse
from collections.abc import Callable
from typing import Any

from npseq.data.reading import STANDARD_INPUT
from npseq.files import as_path

CELLS = ("rnn", "gru", "lstm")
CORPORA = ("python-topics", "time-machine")


def number(kind: type, nullable: bool = False) -> Callable[[str], Any]:
    """Returns a function that reads a flag's number; nullable: "none" is None."""

    def read(text: str) -> Any:
        try:
            return None if nullable and text == "none" else kind(text)
        except ValueError:
            wanted = f"must be {'an integer' if kind is int else 'a number'}{' or none' if nullable else ''}"
            raise argparse.ArgumentTypeError(f"{wanted}, got {text!r}") from None

    return read


def text_file(path: str) -> str:
    """Returns the absolute path of a text, which a run keeps, or "-". Raises as `as_path` does."""
    given = as_path(path, "--text")
    return path if path == STANDARD_INPUT else str(given.absolute() if given.is_fifo() else given.resolve())
