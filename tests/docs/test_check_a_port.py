"""docs/guides/check_a_port.md: its program compiles and is right; with one factor less it is refused."""

import re
import shutil
import subprocess

import pytest
from printed import ROOT

from npseq.cli import main
from npseq.vectors.cases import cases, problem
from npseq.vectors.messages import expected, question

PAGE = (ROOT / "docs" / "guides" / "check_a_port.md").read_text(encoding="utf-8")
CODE = re.search(r"^```c\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[1]
FLAGS = ("--layout", "torch", "--cell", "lstm")


def compiled(tmp_path, code):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    (tmp_path / "lstm.c").write_text(code)
    strict = ("-O2", "-std=c11", "-Wall", "-Wextra", "-Werror")
    subprocess.run([compiler, *strict, "-o", tmp_path / "lstm", tmp_path / "lstm.c", "-lm"], check=True)
    return str(tmp_path / "lstm")


@pytest.mark.parametrize("flags", [(), ("--stream",)])
def test_the_program_is_right(flags, tmp_path, capsys):
    assert main(["vectors", "check", compiled(tmp_path, CODE), *FLAGS, *flags]) == 0
    out = capsys.readouterr().out
    assert out.count(" pass ") == 7
    for line in re.findall(r"^skipped .*: one layer and direction only$", PAGE, re.MULTILINE):
        assert line in out


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("dc_b[j] = dc_all * f;", "dc_b[j] = dc_all;"),
        ("* h_old[k], dh_b", "* (h_old + B * H)[k], dh_b"),
        ("if (t >= lengths[b]) continue;\n            for (int j", "for (int j"),
    ],
)
def test_a_planted_bug_is_refused(right, wrong, tmp_path, capsys):
    assert CODE.count(right) == 1
    assert main(["vectors", "check", compiled(tmp_path, CODE.replace(right, wrong)), *FLAGS]) == 1
    assert " fail " in capsys.readouterr().out


def test_the_wrong_line_on_the_page_is_what_is_printed(tmp_path, capsys):
    main(["vectors", "check", compiled(tmp_path, CODE.replace("dc_all * f;", "dc_all;")), *FLAGS])
    shown, page = capsys.readouterr().out, PAGE.rpartition("```text\n")[2].partition("```")[0]
    first, _, *named = page.splitlines()
    assert shown.splitlines()[0] == first
    assert "\n".join(named) in shown


def test_the_page_names_everything_that_is_asked_and_answered():
    words = set(re.findall(r"\w+", PAGE))
    given = problem(next(case for case in cases() if case.name == "lstm-states"))
    asked = question(given, "torch")
    assert {*asked, *asked["options"], *asked["inputs"], *asked["weights"]} <= words
    assert {name for name in expected(given, "torch") if "bias" not in name and "weight_hh" not in name} <= words
    assert f"npseq has {len(cases())}\ncases" in PAGE
