"""Every example runs by itself, saves its figure, and ends with a number that is what it should be.

`name: got X, expected Y`, Y a number, or `A to B`, `at most A`, `at least A`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(path.name for path in FOLDER.glob("[0-9][0-9]_*.py"))
QUICK = ("01_markov_chain.py", "07_sampling_minibatches.py")
NUMBER = r"[-+]?[\d,]*\.?\d+(?:e[-+]?\d+)?"
LAST_LINE = re.compile(
    rf"\S.*: got (?P<got>{NUMBER}|nan|inf), "
    rf"expected (?P<kind>at most |at least )?(?P<low>{NUMBER})(?: to (?P<high>{NUMBER}))?"
)


def holds(line: str) -> bool:
    """Whether the last line of an example names a number that is what is expected."""
    match = LAST_LINE.fullmatch(line)
    if match is None:
        raise ValueError(f"an example must end with 'name: got X, expected Y', got {line!r}")
    got, low, high = (float(text.replace(",", "")) if text else None for text in match.group("got", "low", "high"))
    if high is not None:
        return low <= got <= high
    return {"at most ": got <= low, "at least ": got >= low, None: got == low}[match["kind"]]


@pytest.mark.parametrize(
    "line",
    ["x: got 0.05, expected 0.046 to 0.068", "a: b: got 1e-16, expected at most 1e-15", "x: got 4,580, expected 4580"],
)
def test_a_line_that_holds(line):
    assert holds(line)


@pytest.mark.parametrize(
    "line",
    ["x: got 0.07, expected 0.046 to 0.068", "x: got nan, expected at least 1", "x: got inf, expected at most 1",
     "x: got 5.177, expected 5.176", "x: got -2, expected at least 1", "x: got nan, expected 1 to 2"],
)  # fmt: skip
def test_a_line_that_does_not_hold(line):
    assert not holds(line)


@pytest.mark.parametrize("line", ["", "x: got 1", "got 1, expected 1", "x: got one, expected 1"])
def test_a_line_of_another_form(line):
    with pytest.raises(ValueError, match="an example must end with"):
        holds(line)


@pytest.mark.parametrize("script", [pytest.param(s, marks=() if s in QUICK else pytest.mark.slow) for s in SCRIPTS])
def test_example(script, tmp_path):
    nowhere = {f"{kind}_proxy": "http://127.0.0.1:9" for kind in ("http", "https", "all")}  # no network
    environment = {**os.environ, **nowhere, "PYTHONPATH": str(FOLDER.parent), "NPSEQ_FIGURES": str(tmp_path)}
    command = [sys.executable, str(FOLDER / script)]
    run = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr
    assert holds(run.stdout.splitlines()[-1]), run.stdout
    assert (tmp_path / script).with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_every_example_has_its_row():
    rows = re.findall(r"\]\((\d\d_\w+\.py)\)", (FOLDER / "README.md").read_text(encoding="utf-8"))
    assert sorted(rows) == SCRIPTS


@pytest.mark.parametrize("script", SCRIPTS)
def test_its_picture_is_shown_and_small(script):
    picture = Path(FOLDER.parent, "docs", "figures", script).with_suffix(".png")
    (row,) = (
        line for line in (FOLDER / "README.md").read_text(encoding="utf-8").splitlines() if f"]({script})" in line
    )
    assert f'<img src="../docs/figures/{picture.name}"' in row
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size < 60_000
