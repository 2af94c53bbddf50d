"""docs/reading.md: what it quotes is in the files that it names, and the labels are those of the derivations."""

import re

import pytest
from printed import text_of

PAGE = text_of("docs/reading.md")
LADDER = re.findall(r"^\| (\d) \| \[`([\w/.]+)`\]", PAGE, re.MULTILINE)
ROWS = re.findall(r"^\| (.*?) \| (\([LT].*?) \| (.*) \|$", PAGE, re.MULTILINE)
SOURCES = {name: text_of(f"npseq/{name}") for _, name in LADDER}


def test_the_ladder_has_five_steps_and_some_seven_hundred_and_fifty_lines():
    assert [step for step, _ in LADDER] == list("12345")
    assert 500 < sum(text.count("\n") for text in SOURCES.values()) <= 775


@pytest.mark.parametrize("row", ROWS, ids=[row[1] for row in ROWS])
def test_every_line_that_the_table_quotes_is_in_the_code(row):
    code = "".join(SOURCES.values()) + text_of("npseq/layers/adjoints.py") + text_of("npseq/layers/recurrent.py")
    for quoted in re.findall(r"`([^`]+)`", row[2]):
        piece = quoted.removesuffix("...)").rpartition(".")[2] if re.fullmatch(r"[\w./]+", quoted) else quoted
        assert piece.removesuffix("...)") in code or quoted.endswith(".py"), quoted


@pytest.mark.parametrize("row", ROWS, ids=[row[1] for row in ROWS])
def test_every_label_is_one_of_the_derivations(row):
    pages = text_of("docs/derivations/lstm.md") + text_of("docs/derivations/time.md")
    for label in re.findall(r"[LT]\d+", row[1]):
        assert f"\\text{{({label})}}" in pages


def test_the_four_lines_of_the_loop_are_its_own():
    block = PAGE.split("```")[1]
    for line in block.strip().splitlines():
        assert line.split("#")[0].strip().removesuffix("...)") in SOURCES["bptt/loop.py"]
