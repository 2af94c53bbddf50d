"""Docstrings are plain text for a reader of the code; here they become reStructuredText that shows the same."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from textwrap import dedent
from typing import Any

NAME = re.compile(r"[A-Za-z_][\w.]*")
ENTRY = re.compile(r"(\w[\w, ]*|\w+ \([^)]*\)):( |$)")
SPECIAL = re.compile(r"([\\*|_`<>:])")


def restructured(text: str) -> list[str]:
    """Lines of reStructuredText: paragraphs stay, what is set in from the margin stays as it is set."""
    lines: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text.strip("\n")):
        if paragraph.startswith(" "):
            lines += [".. code-block:: text", "", *(f"    {row}" for row in dedent(paragraph).split("\n")), ""]
        else:
            for entry in entries(paragraph.split("\n")):
                lines += [*entry, ""]
    return lines


def entries(rows: list[str]) -> Iterator[list[str]]:
    """`name: text` at the start of a line in a paragraph of its own; below `name:` what is set in, line by line."""
    entry: list[str] = []
    listed = ended = False
    for row in rows:
        if entry and not row.startswith(" ") and (listed or (ended and ENTRY.match(row))):
            yield entry
            entry, listed = [], False
        if row.startswith(" ") and entry and entry[-1].endswith(":"):
            entry, listed = [*entry, ""], True
        entry.append(f"    | {inline(row.strip())}" if listed else inline(row.strip()))
        ended = row.endswith((".", ":", ";")) or row.startswith(" ")
    yield entry


def inline(row: str) -> str:
    """One line: `code` as code, and as a link where it is a documented name; everything else as it stands."""
    parts = row.split("`")
    if len(parts) % 2 == 0:
        return SPECIAL.sub(r"\\\1", row)
    shown = [code(part) if k % 2 else SPECIAL.sub(r"\\\1", part) for k, part in enumerate(parts)]
    return re.sub(r"^(\s*)([-+•#]|\(?\w\)?[.)])(?= )", r"\1\\\2", "".join(shown))


def code(text: str) -> str:
    return rf"\ :py:obj:`{text}`\ " if NAME.fullmatch(text) else rf"\ ``{text}``\ "


def fields(cls: Any) -> str:
    """The lines of a NamedTuple or a dataclass that name its fields: their comments say what they hold."""
    body = inspect.getsource(cls).split("\n")[1:]
    return "\n".join(row for row in body if re.match(r"    \w+: ", row))


def process(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    text = "\n".join(lines).strip("\n")
    if isinstance(thing, type) and text.startswith((f"{thing.__name__}(", "Create new instance of")):
        text = ""  # what Python itself says of a class of fields
    elif isinstance(thing, type) and (hasattr(thing, "_fields") or "__dataclass_fields__" in vars(thing)):
        text = "\n\n".join(part for part in (text, fields(thing)) if part)
    lines[:] = restructured(text) if text else []


def skip(app: Any, what: str, name: str, thing: Any, skipped: bool, options: Any) -> bool | None:
    """The fields of a NamedTuple stand in its block; Python says of each only which number it has."""
    return True if "tuplegetter" in type(thing).__name__ else None


def setup(app: Any) -> dict[str, Any]:
    app.connect("autodoc-process-docstring", process)
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True}
