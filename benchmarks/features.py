"""The features of the notes: the commented lines of docs/from_the_notes.md, and what they print."""

from __future__ import annotations

import doctest
import re
from collections.abc import Iterator
from typing import NamedTuple

HEADING = re.compile(r"^(##|###) (.+)$", re.MULTILINE)
BLOCK = re.compile(r"^```(python(?: book| jieba)?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"(?:^|  )# (.*)$", re.MULTILINE)
EXAMPLE = re.compile(r"^- \[(\d\d_\w+\.py)\]\([^)]*\)[:：] ?(.*?)[,，] ?\*\*(\S+?)\*\*[.。]$", re.MULTILINE)
BOOK = re.compile(r"^- \[([^]]+)\]\(performance\.md#a-real-book\)[:：] ?(.*?)[,，] ?\*\*(\S+?)\*\*[.。]$", re.MULTILINE)


class Section(NamedTuple):
    """A section of the page, and its text."""

    note: str
    title: str
    text: str

    @property
    def anchor(self) -> str:
        return slug(self.title)


class Row(NamedTuple):
    """One thing of the notes: what it is, and what the page prints for it."""

    what: str
    printed: str


def slug(title: str) -> str:
    """The anchor that a heading gets: in small letters, words and hyphens only."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def sections(text: str) -> Iterator[Section]:
    """The sections of the notes, up to the index of names."""
    note = ""
    found = list(HEADING.finditer(text))
    for match, after in zip(found, [*found[1:], None], strict=True):
        if match.group(1) == "##":
            note = match.group(2)
        else:
            yield Section(note, match.group(2), text[match.end() : after.start() if after else len(text)])


def statements(text: str, there: tuple[str, ...] = ("book", "jieba")) -> Iterator[doctest.Example]:
    """The statements of the page's blocks, without those that need what is not there: the book, or jieba."""
    for kind, code in BLOCK.findall(text):
        if kind.partition(" ")[2] in ("", *there):
            yield from doctest.DocTestParser().get_examples(code)


def rows(text: str) -> Iterator[Row]:
    """What is commented, behind it or in the line before, and prints something."""
    for _, code in BLOCK.findall(text):
        lines = code.split("\n")
        for statement in doctest.DocTestParser().get_examples(code):
            above = lines[statement.lineno - 1] if statement.lineno else ""
            comments = COMMENT.findall(statement.source.rstrip("\n"))
            if above.startswith(">>> # "):
                comments.append(above.removeprefix(">>> # "))
            if statement.want and comments:
                yield Row(comments[-1], " ".join(statement.want.split()))
