"""Plain docstrings become reStructuredText in which no text is taken for markup; sections stay for napoleon."""

import sys
from pathlib import Path
from typing import NamedTuple

import pytest

sys.path.append(str(Path(__file__).parents[2] / "docs" / "_ext"))
from plain_docstrings import inline, restructured, with_fields


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("|g' - g| over *args", r"\|g' - g\| over \*args"),
        ("W_xh and trailing_ ", r"W\_xh and trailing\_ "),
        ("see `Truncated`, or `a b`", r"see \ :py:obj:`Truncated`\ , or \ ``a b``\ "),
        ("`ns.RNN` and `ns.RNN(3)`", r"\ :py:obj:`ns.RNN <npseq.RNN>`\  and \ ``ns.RNN(3)``\ "),
        ("an odd ` stays", r"an odd \` stays"),
        ("- no list", r"\- no list"),
    ],
)
def test_a_line_shows_what_is_written(text, expected):
    assert inline(text) == expected


def unescaped(lines: list[str]) -> list[str]:
    return [line.replace("\\", "") for line in lines]


def test_an_indented_block_stays_as_it_is():
    assert unescaped(restructured("Text:\n\n    a = b |c|\n      d")) == [
        "Text:", "", ".. code-block:: text", "", "    a = b |c|", "      d", ""
    ]  # fmt: skip


def test_names_with_a_colon_begin_a_paragraph_each():
    text = 'x: one.\nmethod:\n    "a": first\n    "b": second\ny: goes\n    on here.\nNot: an entry\nof its own'
    assert unescaped(restructured(text)) == [
        "x: one.", "", "method:", "", r'    | "a": first', r'    | "b": second', "", "y: goes", "on here.", "",
        "Not: an entry", "of its own", "",
    ]  # fmt: skip


SECTIONS = """Does a_thing.

Args:
    x: (T, B), one * two
        on a second line.
    w_hh, b: see `x`.

Returns:
    a pair: x | y.

Raises:
    ValueError: for an x_ of no size.

Example:
    >>> a_b = [1 * 2]
    >>> a_b
    [2]
"""


def test_a_section_keeps_its_form_and_only_its_prose_is_escaped():
    assert [line for line in restructured(SECTIONS) if line.strip()] == [
        r"Does a\_thing.",
        "Args:",
        r"    x: (T, B), one \* two",
        r"        on a second line.",
        r"    w_hh, b: see \ :py:obj:`x`\ .",
        ":returns:",
        r"    a pair\: x \| y.",
        "Raises:",
        r"    ValueError: for an x\_ of no size.",
        "Example:",
        "    >>> a_b = [1 * 2]",
        "    >>> a_b",
        "    [2]",
    ]


def test_an_example_has_a_blank_line_before_its_session():
    lines = restructured("Does.\n\nExample:\n    As in:\n    >>> 1 + 1\n    2\n")
    assert lines[lines.index(r"    As in\:") + 1 :][:2] == ["", "    >>> 1 + 1"]


class Pair(NamedTuple):
    one: int  # the first
    other: int  # the second


def test_fields_come_before_the_sections_of_a_class():
    assert with_fields(Pair, "Two numbers.\n\nExample:\n    >>> 1\n    1").split("\n\n") == [
        "Two numbers.",
        "    one: int  # the first\n    other: int  # the second",
        "Example:\n    >>> 1\n    1",
    ]


def test_fields_that_a_section_lists_are_not_shown_twice():
    text = "Two numbers.\n\nAttributes:\n    one: the first.\n    other: the second."
    assert with_fields(Pair, text) == text
