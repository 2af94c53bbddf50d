"""This module finds whether the first row of a table names its columns."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

NAME = re.compile(r"\w+([-./]\w+)*")
RARE = 10  # one label in so many may be alone, or the first row, with a label of its own, may well be a row


def is_header(rows: list[list[Any]], headings: Collection[str], of_file: bool) -> bool:
    """Whether the first row holds two usual names, or, in a file, is above numbers, or above an index without a name.

    A name that comes again below it is none.
    """
    if not rows or not rows[0] or not _names(rows[0]):
        return False
    of_index = is_empty(rows[0][0]) and not any(is_empty(row[0]) for row in rows[1:])
    usual = [k for k in named_as(rows[0], headings) if rows[0][k] not in (row[k] for row in rows[1:] if k < len(row))]
    return len(usual) >= min(2, len(rows[0])) or (of_file and (of_index or _numbers_follow(rows)))


def named_as(names: Sequence[Any], usual: Collection[str]) -> list[int]:
    """Returns the places of the names that are usual ones."""
    return [k for k, name in enumerate(names) if str(name).strip().lower() in usual]


def like_names(first: Sequence[str], texts: Sequence[str]) -> bool:
    """Whether each cell of a first row is one word without a sign of the end, and most texts below have several."""
    several = sum(len(text.split()) > 1 for text in texts)
    return 2 * several > len(texts) and all(NAME.fullmatch(cell.strip()) for cell in first if cell.strip())


def may_be_header(label: str, others: Counter[str]) -> bool:
    """Whether the label of a first row is that of no other, where nearly all others come again."""
    return label not in others and RARE * sum(count == 1 for count in others.values()) <= others.total()


def ask_for_header(first: str, why: str, what: str) -> ValueError:
    """Returns the error for a first row, in words, that may be a header, and why, or may be what the others are."""
    return ValueError(
        f"header must be given: {first}, {why}; say header=True if it names the columns, header=False if it is a {what}"
    )


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
