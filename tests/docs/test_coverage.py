"""docs/coverage.md: every feature and every example with a number of its own, which is what it must be."""

import json
import re

import pytest
from printed import ROOT, text_of

from benchmarks import coverage
from benchmarks.features import rows, sections

PAGE = text_of("docs/coverage.md")
LAST_LINES = json.loads(text_of("benchmarks/results/examples.json"))
PRINTED = json.loads(text_of("benchmarks/results/printed.json"))
NUMBER = r"[-+]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?"


def test_the_tables_are_those_of_the_notes_page():
    """As the program writes them: every section of every note, and nothing that the page does not print."""
    assert coverage.notes() in PAGE
    found = list(sections(text_of("docs/from_the_notes.md")))
    assert [section.note for section in found[:1]] == ["The overview"]
    assert len({section.note for section in found}) == 5
    assert sum(len(list(rows(section.text))) for section in found) >= 185


def test_every_section_has_a_row_or_an_example():
    for section in sections(text_of("docs/from_the_notes.md")):
        assert list(rows(section.text)) or "](../examples/" in section.text, section.title


def test_every_row_has_a_number_or_a_word_and_none_says_only_that_it_holds():
    """True or 0.0 alone would not say of what, or how much."""
    for section in sections(text_of("docs/from_the_notes.md")):
        for row in rows(section.text):
            assert not re.search(r"True|False", row.printed), row
            assert re.sub(r"[\[\](), ]|0\.0\b", "", row.printed), row


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


def numbers_of(script, pattern):
    """{what the lines that match say: their numbers}, of what a script printed."""
    found = [re.fullmatch(pattern, line.strip()) for line in PRINTED[script]]
    return [(m[1], [float(number) for number in m[2].split()]) for m in found if m]


def test_only_two_directions_tell_a_name_from_a_palace_and_fill_the_blank_in_five_seeds():
    one, two = (
        numbers_of("48_names_and_blanks.py", r"P\(王 of (王.) is part of a name\): (.*)")[k : k + 2] for k in (0, 2)
    )
    assert one[0][1] == one[1][1]
    assert min(two[0][1]) > 0.98
    assert max(two[1][1]) < 0.02
    blanks = numbers_of("48_names_and_blanks.py", r"P\((.*) in 我___.*\): (.*)")
    assert [len(values) for _, values in blanks] == [5] * 10
    assert {value for _, values in blanks[:5] for value in values} == {0.4, 0.1}
    assert min(value for _, values in blanks[5:] for value in values) > 0.99


def test_the_right_sentence_is_likelier_and_what_is_unknown_is_printed():
    lines = [line for line in PRINTED["46_chinese_sentences.py"] if "10^" in line]
    exponents = {line[-8:]: float(re.search(r"10\^(-[\d.]+)", line)[1]) for line in lines}
    assert exponents["历史总是不断重演"] > exponents["力使总事不断虫眼"] + 10
    printed = "\n".join(PRINTED["46_chinese_sentences.py"])
    unknown = dict(re.findall(r"^(\w+): .* ([\d.]+)% are unknown", printed, re.MULTILINE))
    assert float(unknown["characters"]) < float(unknown["words"])
