"""`npseq gradcheck` prints the table of the checks, and fails if one of them does."""

import pytest

from npseq.bptt import loop
from npseq.cli import main

SMALL = ["gradcheck", "--quick", "--cell", "rnn", "--method", "complex", "--cell", "linear"]


def test_gradcheck_prints_the_table_and_ends_with_zero(capsys):
    assert main(SMALL) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[0].split() == ["cell", "variant", "layers", "direction", "dtype", "complex", "truncated"]
    rows = [line.split() for line in lines[1 : lines.index("")]]
    assert "|analytic - numeric| over the tensor's largest entry" in lines[-3]
    assert lines[-2] == "It passes up to 1e-12: complex in float64, truncated in float64."
    assert [row[:4] for row in rows[:3]] == [["rnn", "tanh", "1", way] for way in ("forward", "both")] + [
        ["rnn", "tanh", "2", "forward"]
    ]
    assert rows[-1][0] == "linear"
    assert rows[-1][-1] == "-"
    assert all(float(row[-2]) < 1e-12 for row in rows)
    assert lines[-1] == "13 checks passed"
    assert printed.err == ""  # stderr is no terminal, so there is no bar


def test_a_wrong_gradient_ends_with_one_and_is_shown(capsys, monkeypatch):
    right = loop.backward
    monkeypatch.setattr(loop, "backward", lambda *given: (a := right(*given))._replace(dh=a.dh * 1.001))
    assert main([*SMALL, "--quiet"]) == 1
    printed = capsys.readouterr()
    assert printed.out.count("FAIL") == 12
    assert "\nrnn tanh 1 forward float64 (lengths [2, 3], complex)\nNOT PASSED: 1 of 5 tensors wrong: h0" in printed.out
    assert printed.err.startswith("npseq: error: 12 of 13 checks failed, first rnn tanh 1 forward float64")
    assert "linear" in printed.out.splitlines()[7]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--cell", "elman"],
            "cell must be one of rnn, gru, lstm, bidirectional, linear, embedding, dropout, got 'elman'",
        ),
        (["--method", "forward"], "method must be one of complex, central, directional, taylor, got 'forward'"),
    ],
)
def test_gradcheck_refuses_unknown_names(capsys, flags, message):
    assert main(["gradcheck", *flags]) == 2
    assert capsys.readouterr().err == f"npseq: error: {message}\n"
