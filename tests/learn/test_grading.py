"""grade runs the functions of a file and nothing else of it, and marks every exercise among them."""

import json

import pytest

import npseq as ns

MODULE = """
import numpy as np
open("ran", "w")
print("ran")
POWER = 2

def slope(y):
    return 1 - y**POWER

def rnn_1(H, dH):
    dA = dH * slope(H)
    return dA

def rnn_2(dtanh, Wax, Waa):
    da_prev = Waa.T @ dtanh
    dxt = Wax @ dtanh
    return da_prev, dxt

raise SystemExit
"""


def notebook(*cells):
    return json.dumps({"cells": [{"cell_type": "code", "source": [cell]} for cell in cells], "nbformat": 4})


def test_functions_are_marked_in_their_own_letters_and_nothing_else_is_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MODULE)
    found = ns.learn.grade("mine.py")
    assert {name: marks.points for name, marks in found.items()} == {"rnn_1": 1, "rnn_2": 1}
    assert not (tmp_path / "ran").exists()
    assert capsys.readouterr().out == ""


def test_a_notebook_is_read_without_its_magic(tmp_path):
    path = tmp_path / "mine.ipynb"
    path.write_text(notebook("%matplotlib inline\n!pip list\nimport numpy as np", "def rnn_1(H, dH):\n    return dH"))
    assert ns.learn.grade(path)["rnn_1"].lines[0].kind == "factor"


def test_a_function_that_cannot_be_called_has_no_point(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("import nowhere_to_be_found\n\ndef rnn_1(H, dH):\n    return dH\n")
    marks = ns.learn.grade(path)["rnn_1"]
    assert marks.points == 0
    assert "ModuleNotFoundError" in marks.note
    path.write_text("def rnn_1(H):\n    return H\n")
    assert "function must take 2 arguments" in ns.learn.grade(path)["rnn_1"].note


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.txt", "", "must end with .py or .ipynb"),
        ("a.py", "x = 1", "must hold functions named as exercises are"),
        ("a.py", "def (", "must be Python; line 1"),
        ("a.ipynb", "{}", "must be a notebook"),
        ("a.ipynb", "[1", "must be a notebook"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        ns.learn.grade(path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        ns.learn.grade(tmp_path / "a.py")
