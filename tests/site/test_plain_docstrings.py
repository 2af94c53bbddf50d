"""Plain docstrings as reStructuredText: nothing in them is taken for markup."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "docs" / "_ext"))
from plain_docstrings import inline, restructured


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("|g' - g| over *args", r"\|g' - g\| over \*args"),
        ("W_xh and trailing_ ", r"W\_xh and trailing\_ "),
        ("see `Truncated`, or `a b`", r"see \ :py:obj:`Truncated`\ , or \ ``a b``\ "),
        ("an odd ` stays", r"an odd \` stays"),
        ("- no list", r"\- no list"),
    ],
)
def test_a_line(text, expected):
    assert inline(text) == expected


def unescaped(lines: list[str]) -> list[str]:
    return [line.replace("\\", "") for line in lines]


def test_what_is_set_in_stays_as_it_is_set():
    assert unescaped(restructured("Text:\n\n    a = b |c|\n      d")) == [
        "Text:", "", ".. code-block:: text", "", "    a = b |c|", "      d", ""
    ]  # fmt: skip


def test_arguments_stand_in_paragraphs_of_their_own():
    text = 'x: one.\nmethod:\n    "a": first\n    "b": second\ny: goes\n    on here.\nNot: an entry\nof its own'
    assert unescaped(restructured(text)) == [
        "x: one.", "", "method:", "", r'    | "a": first', r'    | "b": second', "", "y: goes", "on here.", "",
        "Not: an entry", "of its own", "",
    ]  # fmt: skip
