"""`npseq gradcheck my_module:case` checks what somebody's own function returns."""

import json
import re
import sys

import pytest

from npseq.cli import main

MODULE = """
import numpy as np
import npseq as ns

def right():
    return lambda x: (x**2).sum(), np.ones(2), lambda x: 2 * x

def wrong():
    return lambda x: (x**2).sum(), np.ones(2), lambda x: 3 * x

def report():
    return ns.check_vjp(np.cumsum, lambda dy, x: np.cumsum(dy[::-1])[::-1], np.ones(3))

def number():
    return 3

constant = 3
"""


@pytest.fixture(autouse=True)
def _module(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    (tmp_path / "my_own_case.py").write_text(MODULE)
    yield
    sys.modules.pop("my_own_case", None)


@pytest.mark.parametrize("case", ["right", "report"])
def test_a_right_gradient_passes(case, capsys):
    assert main(["gradcheck", f"my_own_case:{case}"]) == 0
    assert "passed: 1 tensor, max error " in capsys.readouterr().out


def test_each_method_is_run(capsys):
    assert main(["gradcheck", "my_own_case:right", "--method", "complex", "--method", "taylor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [check["check"] for check in found["checks"]] == ["complex", "taylor"]


def test_a_wrong_one_is_status_1(capsys):
    assert main(["gradcheck", "my_own_case:wrong"]) == 1
    shown = capsys.readouterr()
    assert "2 of 2 entries wrong" in shown.out
    assert "my_own_case:wrong did not pass by method central" in shown.err


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("my_own_case", "the argument must be module:function"),
        ("my_own_case:missing", "'missing' of my_own_case must be a function without arguments, got None"),
        ("my_own_case:constant", "must be a function without arguments, got 3"),
        ("my_own_case:number", "must return .f, at, gradient., .f, at. or the report of a check, got int"),
        ("not_there:case", "No module named 'not_there'"),
    ],
)
def test_what_is_no_case_is_status_2(target, text, capsys):
    assert main(["gradcheck", target]) == 2
    assert re.search(text, capsys.readouterr().err)
