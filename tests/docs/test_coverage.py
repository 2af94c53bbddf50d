"""docs/coverage.md: every feature and every example with a number of its own, which is what it must be."""

import json
import re

import pytest
from printed import ROOT, text_of

from benchmarks import coverage
from benchmarks.features import NOT_YET, rows, sections

PAGE = text_of("docs/coverage.md")
LAST_LINES = json.loads(text_of("benchmarks/results/examples.json"))
NUMBER = r"[-+]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?"


def test_the_tables_are_those_of_the_notes_page():
    """As the program writes them: every section of every note, and nothing that the page does not print."""
    assert coverage.notes() in PAGE
    found = list(sections(text_of("docs/from_the_notes.md")))
    assert [section.note for section in found[:1]] == ["The overview"]
    assert len({section.note for section in found}) == 5
    assert sum(len(list(rows(section.text))) for section in found) >= 160


def test_every_section_has_a_row_or_an_example():
    for section in sections(text_of("docs/from_the_notes.md")):
        assert list(rows(section.text)) or "](../examples/" in section.text, section.title


def test_what_is_not_yet_is_said():
    for where, what in NOT_YET:
        assert f"| {where} | {what} |" in PAGE


def test_every_example_has_its_row():
    scripts = sorted(path.name for path in (ROOT / "examples").glob("[0-9][0-9]_*.py"))
    assert sorted(LAST_LINES) == scripts
    assert coverage.scripts(LAST_LINES) in PAGE
    assert re.findall(r"^\| \[(\d\d_\w+\.py)\]", PAGE, re.MULTILINE) == scripts


@pytest.mark.parametrize("script", LAST_LINES)
def test_what_came_out_is_what_is_expected(script):
    _, got, expected = re.fullmatch(r"(.*): got (\S+), expected (.*)", LAST_LINES[script]).groups()
    value, bounds = float(got.replace(",", "")), [float(n.replace(",", "")) for n in re.findall(NUMBER, expected)]
    if " to " in expected:
        assert bounds[0] <= value <= bounds[1]
    elif expected.startswith("at "):
        assert value <= bounds[0] if expected.startswith("at most") else value >= bounds[0]
    else:
        assert value == bounds[0]
