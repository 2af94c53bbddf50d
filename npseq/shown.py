"""What is shown of an object: a line a field, and in a notebook tables of the lines of its repr."""

import re
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, TypeVar

C = TypeVar("C", bound=type)


def columns(rows: Sequence[Sequence[str]], align: Callable[[str, int], str] = str.ljust) -> list[str]:
    """Returns a line for each row, whose columns begin, or with str.rjust end, at the same place in all."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(align, row, widths)).rstrip() for row in rows]


def describe(fields: Any, **instead: str) -> str:
    """Returns a line for each field of a NamedTuple that is not None: arrays by shape and dtype, or others instead."""
    pairs = zip(fields._fields, fields, strict=True)
    lines = [f"  {name}: {instead.get(name) or described(value)}" for name, value in pairs if value is not None]
    return "\n".join([f"{type(fields).__name__}:", *lines])


def described(value: object) -> str:
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"{value.shape} {value.dtype}"
    if type(value) in (tuple, list) and value:
        parts: Any = value
        return f"{sum(parts)} of {len(parts)}" if type(parts[0]) is bool else ", ".join(map(described, parts))
    return f"{len(value)} bytes" if isinstance(value, bytes) else repr(value).replace("\n", "\n  ")


def by_fields(cls: C) -> C:
    """Decorates a NamedTuple that is shown by `describe`."""
    cls.__repr__ = describe  # type: ignore[assignment]
    return in_notebooks(cls)


def in_notebooks(cls: C) -> C:
    """Decorates a class whose text has several lines."""
    cls._repr_html_ = lambda self: as_html(str(self))  # type: ignore[attr-defined]
    return cls


def as_html(text: str) -> str:
    """Returns lines of text as HTML, columns and lines that are set in as tables.

    It has no colours, so that those of the notebook are kept, dark or light.
    """
    parts = []
    for tabular, group in groupby(text.split("\n"), key=lambda line: bool(re.search(r"^ |\S {2,}\S", line))):
        lines = list(group)
        parts += [_table(lines)] if tabular else [f"<div>{_escaped(line)}</div>" for line in lines]
    return f"<div>{''.join(parts)}</div>"


def _table(lines: list[str]) -> str:
    """Cuts columns where all lines have two blanks, the first line their names; else each line behind its name."""
    inked = "".join(" x"[any(line[k : k + 1].strip() for line in lines)] for k in range(max(map(len, lines))))
    spans = [found.span() for found in re.finditer(r"x+(?: x+)*", inked)]
    if len(spans) > 1:
        rows = [[line[a:b].strip() for a, b in spans] for line in lines]
        named = len(rows) > 1 and not re.search(r"\d", lines[0])
        return f"<table>{''.join(_row(row, 'th' if named and row is rows[0] else 'td') for row in rows)}</table>"
    cut = [(re.split(r": +| {2,}", line.strip(), maxsplit=1), len(line) - len(line.lstrip())) for line in lines]
    return f"<table>{''.join(_row(row, 'td', indent) for row, indent in cut)}</table>"


def _row(cells: list[str], tag: str, indent: int = 0) -> str:
    styles = [f"text-align: left; padding-left: {max(indent, 1)}ch"] + ["text-align: left"] * len(cells)
    shown = [f'<{tag} style="{s}">{_escaped(cell)}</{tag}>' for cell, s in zip(cells, styles, strict=False)]
    return f"<tr>{''.join(shown)}</tr>"


def _escaped(text: str) -> str:
    from html import escape  # here, since `import npseq` does without it

    return escape(text)
