"""docs/exercises.md: every number of an answer is one that the script printed, and every script is there."""

import json
import re

import pytest
from printed import ROOT, text_of

from benchmarks.coverage import ANSWERS

PAGE = text_of("docs/exercises.md")
PRINTED = json.loads(text_of("benchmarks/results/printed.json"))
SECTIONS = {part.partition("\n")[0]: part for part in PAGE.split("\n## ")}


def test_every_script_is_there():
    scripts = set(re.findall(r"\((\.\./examples/[\w.]+)\)", PAGE))
    assert len(scripts) > 15
    assert all((ROOT / "docs" / script).is_file() for script in scripts)


@pytest.mark.parametrize(("section", "script"), [("Series and texts", ANSWERS[0]), ("Models", ANSWERS[1])])
def test_every_number_was_printed(section, script):
    assert script in SECTIONS[section]
    printed = "\n".join(PRINTED[script])
    numbers = [bold for bold in re.findall(r"\*\*([^*]+)\*\*", SECTIONS[section]) if re.fullmatch(r"[-+\d.,%]+", bold)]
    assert len(numbers) >= 10
    assert [number for number in numbers if number not in printed] == []
