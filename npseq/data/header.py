"""This module finds whether the first row of a table names its columns."""

from collections.abc import Collection
from typing import Any


def is_header(rows: list[list[Any]], headings: Collection[str], of_file: bool) -> bool:
    """Whether the first row is of texts, and of usual names, or, in a file, above columns of numbers.

    The first cell of several may be empty, that of an index.
    """
    if not rows or not _names(rows[0]):
        return False
    return all(str(cell).strip().lower() in headings for cell in rows[0]) or (of_file and _numbers_follow(rows))


def is_empty(cell: Any) -> bool:
    """Whether a cell holds nothing, or white space."""
    return cell is None or not str(cell).strip()


def is_number(cell: str) -> bool:
    """Whether a cell is written as a number is, also with a decimal comma."""
    try:
        float(cell.strip().replace(",", "."))
    except ValueError:
        return False
    return True


def _names(cells: list[Any]) -> bool:
    """Whether each is a text; the first of several may be empty, that of an index."""
    named = [isinstance(cell, str) and bool(cell.strip()) for cell in cells]
    return all(named) or (len(cells) > 1 and all(named[1:]) and is_empty(cells[0]))


def _numbers_follow(rows: list[list[str]]) -> bool:
    below = any(is_number(row[k]) for k in range(len(rows[0])) for row in rows[1:50] if k < len(row))
    return below and not any(map(is_number, rows[0]))
