"""`npseq vectors` writes cases and checks a program; the exit status tells scripts what came of it."""

import json
import shlex
import sys

import pytest
from commands.command_line import refused

from npseq.cli import main

PROGRAM = """
import json, sys
import numpy as np

def answer(cell, options, inputs, weights):
    if cell != "rnn" or options["layers"] > 1 or options["directions"] > 1 or options["relu"] or not options["bias"]:
        return {"skip": "one plain RNN only"}
    (h,), rows = np.array(inputs["h0"]), []
    x, lengths = np.array(inputs["x"]), np.array(inputs["lengths"])
    for t in range(options["T"]):
        live = (t < lengths)[:, None]
        h = np.where(live, np.tanh(x[t] @ weights["W_xh"] + h @ weights["W_hh"] + np.array(weights["b_h"]) * FACTOR), h)
        rows.append((h * live).tolist())
    return {"y": rows, "h": [h.tolist()]}

for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps(answer(*(asked[part] for part in ("cell", "options", "inputs", "weights")))), flush=True)
"""


def command(factor):
    return shlex.join([sys.executable, "-c", PROGRAM.replace("FACTOR", str(factor))])


def test_a_right_program_passes(capsys):
    flags = ["--stream", "--protocol", "json", "--cell", "rnn"]
    assert main(["vectors", "check", command(1), *flags]) == 0
    *rows, skipped, last = capsys.readouterr().out.splitlines()
    assert [row.split()[:2] for row in rows] == [
        [name, "pass"]
        for name in ("rnn", "rnn-states", "rnn-ragged", "rnn-ragged-states", "rnn-states-truncated",
                     "rnn-one-step-states", "rnn-one-sequence-states", "rnn-empty-sequence-states")
    ]  # fmt: skip
    assert skipped.endswith(": one plain RNN only")
    assert last == f"40 cases: 8 right, 0 wrong, 0 without an answer, {skipped.split()[1][:-1]} skipped"


def test_a_wrong_one_is_status_1_and_shown(capsys):
    flags = ["--stream", "--protocol", "json", "--cell", "rnn", "--json"]
    assert main(["vectors", "check", command(0), *flags]) == 1
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert found["passed"] is False
    assert [case["status"] for case in found["cases"]].count("fail") == 8
    assert "right is" in found["cases"][0]["text"]
    assert printed.err.startswith("npseq: error: 40 cases: 0 right, 8 wrong")


def test_a_program_that_skips_everything_is_status_1(capsys):
    assert main(["vectors", "check", "echo skip all end", "--cell", "gru", "--layout", "torch"]) == 1
    assert "skipped 22: all" in capsys.readouterr().out


def test_write(tmp_path, capsys, monkeypatch):
    from npseq.vectors import cases

    monkeypatch.setattr(cases, "VARIANTS", {"rnn": {}, "lstm-peepholes": {}, "lstm-projection": {"proj_size": 2}})
    monkeypatch.setattr(cases, "LAYERS", {"rnn": cases.RNN})
    monkeypatch.setattr(cases, "GRID", cases.GRID[:1])
    assert main(["vectors", "write", str(tmp_path / "out"), "--cell", "rnn", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["cases"]) == 8
    assert len(list((tmp_path / "out").iterdir())) == 2 * 8 + 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "/no/program"], "COMMAND must be a program that can be run"),
        (["check", "echo", "--layout", "theano"], "layout must be one of 'npseq', 'torch'"),
        (["check", "echo", "--cell", "elman"], "cell must be one of"),
        (["check", "echo", "--rtol", "2"], "rtol must be between 0 and 1"),
        (["check", "echo", "--timeout", "0"], "timeout positive"),
        (["write", ""], "must name a file or a folder"),
        (["read", "here"], "invalid choice"),
    ],
)
def test_bad_input_is_status_2(arguments, message, capsys):
    assert message in refused(capsys, 2, "vectors", *arguments)
