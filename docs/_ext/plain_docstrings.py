"""Docstrings are plain text for a reader of the code; this extension makes reStructuredText that shows the same.

A docstring is prose, blocks that are indented (equations, tables), and the sections of the Google form (Args, Raises,
Example, ...). Sections keep their form, because sphinx.ext.napoleon reads them next.
"""

import inspect
import re
from collections.abc import Iterable, Iterator
from textwrap import dedent
from typing import Any

NAME = re.compile(r"[A-Za-z_][\w.]*")
ENTRY = re.compile(r"(\w[\w, ]*|\w+ \([^)]*\)):( |$)")
SPECIAL = re.compile(r"([\\*|_`<>:])")
SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields|Examples?):\n((?: .*\n|\n)*)", re.MULTILINE)
ITEM = re.compile(r"^(\S[^:\n]*): *(.*\n(?:[ \n].*\n?)*)", re.MULTILINE)


def restructured(text: str) -> list[str]:
    """Returns lines of reStructuredText: paragraphs and indented blocks stay, sections keep their form for napoleon."""
    lines: list[str] = []
    at = 0
    text = text.strip("\n") + "\n"
    for found in SECTION.finditer(text):
        lines += paragraphs(text[at : found.start()])
        lines += [*section(found[1], dedent(found[2])), ""]
        at = found.end()
    return lines + paragraphs(text[at:])


def paragraphs(text: str) -> list[str]:
    lines: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text.strip("\n")) if text.strip() else []:
        if paragraph.startswith(" "):
            lines += [".. code-block:: text", "", *(f"    {row}" for row in dedent(paragraph).split("\n")), ""]
        else:
            for entry in entries(paragraph.split("\n")):
                lines += [*entry, ""]
    return lines


def section(head: str, body: str) -> list[str]:
    """Returns a section of the Google form whose descriptions are reStructuredText."""
    if head.startswith("Example"):
        return [f"{head}:", *indented(example(body))]
    if head in ("Returns", "Yields"):  # napoleon would take the words before a colon for a type
        return [f":{head.lower()}:", *indented(paragraphs(body))]
    rows = [f"{head}:"]
    for name, described in ITEM.findall(body + "\n"):
        first, _, rest = described.partition("\n")
        text = paragraphs(f"{first}\n{dedent(rest)}")
        rows += indented([f"{name}: {text[0]}", *indented(text[1:])])
    return rows


def indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" if line else "" for line in lines]


def example(body: str) -> Iterator[str]:
    """Yields prose as reStructuredText and an interpreter's session as it is, each a paragraph of its own."""
    for block in re.split(r"\n\s*\n", body.strip("\n")):
        prose, session = re.fullmatch(r"((?:(?!>>>).*(?:\n|$))*)((?:.|\n)*)", block).groups()  # type: ignore[union-attr]
        yield from ["", *map(inline, prose.rstrip("\n").split("\n")), "", *session.split("\n")]


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
    """Returns one line with `code` as code, and as a link where it is a documented name; the rest as it is."""
    parts = row.split("`")
    if len(parts) % 2 == 0:
        return SPECIAL.sub(r"\\\1", row)
    shown = [code(part) if k % 2 else SPECIAL.sub(r"\\\1", part) for k, part in enumerate(parts)]
    return re.sub(r"^(\s*)([-+•#]|\(?\w\)?[.)])(?= )", r"\1\\\2", "".join(shown))


def code(text: str) -> str:
    if text.startswith("ns."):
        return rf"\ :py:obj:`{text} <npseq{text[2:]}>`\ " if NAME.fullmatch(text) else rf"\ ``{text}``\ "
    return rf"\ :py:obj:`{text}`\ " if NAME.fullmatch(text) else rf"\ ``{text}``\ "


def with_fields(cls: Any, text: str) -> str:
    """Puts the fields of a NamedTuple or a dataclass, whose comments describe them, before the sections of its text."""
    if re.search(r"^(Args|Attributes):$", text, re.MULTILINE):
        return text
    body = inspect.getsource(cls).split("\n")[1:]
    fields = "\n".join(row for row in body if re.match(r"    \w+: ", row))
    first = SECTION.search(text + "\n")
    at = first.start() if first else len(text)
    return "\n\n".join(part for part in (text[:at].rstrip(), fields, text[at:]) if part)


def process(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    text = "\n".join(lines).strip("\n")
    if isinstance(thing, type) and text.startswith((f"{thing.__name__}(", "Create new instance of")):
        text = ""  # Python's own docstring of a class of fields
    elif isinstance(thing, type) and (hasattr(thing, "_fields") or "__dataclass_fields__" in vars(thing)):
        text = with_fields(thing, text)
    lines[:] = restructured(text) if text else []
    if what in ("attribute", "property", "data"):
        lines[:0] = ["..", ""]  # a comment: napoleon would take the words before a colon in the first line for a type


def skip(app: Any, what: str, name: str, thing: Any, skipped: bool, options: Any) -> bool | None:
    """Leaves out the fields of a NamedTuple: they are in its block, and Python describes each by its number only."""
    return True if "tuplegetter" in type(thing).__name__ else None


def setup(app: Any) -> dict[str, Any]:
    app.connect("autodoc-process-docstring", process, priority=400)  # before napoleon, whose priority is 500
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True}
