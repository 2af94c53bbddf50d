"""The guides' code runs from top to bottom and prints what the pages say that it prints."""

import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
WORST = re.compile(r"(e-1[4-9] .* pass +)\[.*?\] +\S+ +\S+ +\d+")  # of errors of rounding any entry may be the worst
NUMBER = r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?"


def same_number(shown: str, now: str) -> bool:
    """To 2 in the last place or 2 percent, or both of the size of float64's rounding."""
    a, b = float(shown), float(now)
    decimals = len(shown.partition(".")[2]) if "e" not in shown else 300
    return abs(a - b) <= max(0.02 * abs(a), 2.001 * 10.0**-decimals) or max(abs(a), abs(b)) < 1e-13


def same_text(shown: str, now: str) -> bool:
    shown, now = (WORST.sub(r"\1", text) for text in (shown, now))
    words = [re.sub(NUMBER, "0", " ".join(text.split())) for text in (shown, now)]
    numbers = [re.findall(NUMBER, text) for text in (shown, now)]
    return words[0] == words[1] and all(map(same_number, *numbers))


@pytest.mark.parametrize(
    ("shown", "now", "agree"),
    [("a 0.25 b", "a 0.26  b", True), ("a 0.25", "a 0.29", False), ("3.1e-16", "8.0e-15", True), ("a 1", "b 1", False),
     ("3.1e-6", "8.0e-6", False), ("1 2", "1", False),
     ("2e-16  1e-12  pass  [0, 2]  0.3  0.3  4", "3e-16  1e-12  pass  [1, 2]  0.5  0.5  8", True),
     ("2e-06  1e-12  pass  [0, 2]  0.3  0.3  4", "2e-06  1e-12  pass  [7, 2]  0.5  0.5  4", False)],
)  # fmt: skip
def test_numbers_are_compared_to_their_last_place(shown, now, agree):
    assert same_text(shown, now) is agree


PAGES = (
    "own_text",
    "own_series",
    "own_labels",
    "own_pairs",
    "ledger",
    "check_your_gradients",
    "your_own_cell",
    "name_the_bug",
    "all_steps_at_once",
    "learn",
)


@pytest.mark.parametrize("page", PAGES)
def test_a_guide_prints_what_it_shows(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "guide"}
    for code, shown in BLOCK.findall((ROOT / "docs" / "guides" / f"{page}.md").read_text(encoding="utf-8")):
        out = StringIO()
        with redirect_stdout(out):
            exec(compile(code, page, "exec"), names)
        assert same_text(shown, out.getvalue()), f"shown:\n{shown}\nnow:\n{out.getvalue()}"
