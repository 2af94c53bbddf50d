"""docs/coverage.md: every id has its row, a test named after it, a script, and a number that is what it must be."""

import json
import re

import pytest
from printed import ROOT, text_of

ROWS = re.findall(r"^\| (A\d\d) \| (.*) \|$", text_of("docs/coverage.md"), re.MULTILINE)
LAST_LINES = json.loads(text_of("benchmarks/results/examples.json"))
NUMBER = r"[-+]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?"


def test_every_id_has_a_row():
    assert [name for name, _ in ROWS] == [f"A{k:02d}" for k in range(1, 60)]


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_a_row_names_what_there_is(name, row):
    tests = re.findall(r"\]\(\.\./(tests/\S+\.py)\)", row)
    assert tests
    for path in tests:
        assert re.search(rf"^def test_{name}_", text_of(path), re.MULTILINE)
    (script,) = re.findall(r"\]\(\.\./examples/(\S+\.py)\)", row)
    assert (ROOT / "examples" / script).is_file()
    label, number = re.search(r"\| ([^|]*(?:\\\|[^|]*)*): \*\*(\S+)\*\* \(", row).groups()
    assert f"{label}: got {number}, expected ".replace("\\|", "|") in LAST_LINES[script]


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
