"""`npseq learn` shows exercises, begins a file, marks it, and grades somebody's."""

import json

import pytest
from commands.command_line import refused

from npseq.cli import main


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_exercises_are_listed(capsys):
    assert main(["learn"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 24
    assert lines[1] == "rnn        1  Through the nonlinearity (1 line)"


def test_an_exercise_is_begun_marked_and_solved(folder, capsys):
    assert main(["learn", "rnn", "1"]) == 0
    assert "It stands in rnn_1.py" in capsys.readouterr().out
    path = folder / "rnn_1.py"
    assert main(["learn", "rnn", "1"]) == 1
    assert "dA: not right, missing: not written yet" in capsys.readouterr().out
    path.write_text(path.read_text().replace("...", "dH * (1 + H**2)"))
    assert main(["learn", "rnn", "1"]) == 1
    out = capsys.readouterr()
    assert "dA: not right, sign: " in out.out
    assert "1 line is not right yet; --hint 1 helps" in out.err
    path.write_text(path.read_text().replace("1 + H", "1 - H"))
    assert main(["learn", "rnn", "1"]) == 0
    out = capsys.readouterr().out
    assert "dA: right (R5)" in out
    assert "One way to write it:" in out


def test_the_exercises_of_a_topic_are_listed_and_the_next_one_is_named(folder, capsys):
    assert main(["learn", "truncation"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "truncation 1  Detach: chunks of a text (4 lines)"
    (folder / "rnn_1.py").write_text("def rnn_1(da_next, a_next):\n    return da_next * (1 - a_next**2)\n")
    assert main(["learn", "rnn", "1"]) == 0
    out = capsys.readouterr().out
    assert "dtanh = da_next" in out
    assert out.endswith("Next: npseq learn rnn 2 --letters ng\n")


def test_hints_and_solutions_are_shown_when_asked_for(capsys):
    assert main(["learn", "rnn", "2", "--hint", "3", "--letters", "ng"]) == 0
    assert "dtanh" in capsys.readouterr().out
    assert "try first" in refused(capsys, 2, "learn", "rnn", "2", "--solution")
    main(["learn", "rnn", "2"])
    capsys.readouterr()
    assert main(["learn", "rnn", "2", "--solution", "--json"]) == 0
    assert "dA @ W_hh.T" in json.loads(capsys.readouterr().out)["solution"]


def test_a_class_is_graded_line_by_line_and_what_is_run_is_said_first(folder, capsys):
    (folder / "a.py").write_text("def rnn_2(dA, W_xh, W_hh):\n    return dA @ W_hh.T, dA @ W_hh.T\n")
    assert main(["learn", "grade", "a.py", "--json"]) == 1
    out = capsys.readouterr()
    found = json.loads(out.out)
    assert (found["points"], found["of"]) == (1, 2)
    assert [row["points"] for row in found["exercises"]["rnn_2"]] == [1, 0]
    assert out.err.startswith("npseq: grading runs the functions of a.py (rnn_2) with your rights")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "topic must be"),
        (["grade"], "FILE must be given"),
        (["rnn", "one"], "NUMBER must be an integer, got 'one'"),
        (["rnn", "1", "--hint", "x"], "--hint must be an integer"),
        (["rnn", "1", "--hint", "4"], "step must be 1, 2 or 3"),
        (["nothing", "1"], "topic must be"),
        (["grade", "nowhere.py"], "nowhere.py"),
    ],
)
def test_what_is_not_there_is_refused(capsys, arguments, message):
    assert message in refused(capsys, 2, "learn", *arguments)


def test_a_file_of_somebody_else_is_not_marked_as_the_exercise(folder, capsys):
    (folder / "rnn_1.py").write_text("def rnn_2(dA, W_xh, W_hh):\n    pass\n")
    assert "must hold a function rnn_1" in refused(capsys, 2, "learn", "rnn", "1")
