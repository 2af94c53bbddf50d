from __future__ import annotations

import numpy as np
import pytest

from npseq.bptt import loop
from npseq.cli import main
from npseq.layercheck import matrix

SMALL = ["gradcheck", "--quick", "--cell", "rnn", "--method", "complex", "--cell", "linear"]


def test_prints_the_table_and_ends_with_zero(capsys):
    assert main(SMALL) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[0].split() == ["cell", "variant", "layers", "direction", "dtype", "complex", "truncated"]
    rows = [line.split() for line in lines[1:-1]]
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
    assert (
        "\nrnn tanh 1 forward float64 (lengths [2, 3], complex)\ngradcheck, method 'complex': NOT PASSED" in printed.out
    )
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
def test_unknown_names_are_refused(capsys, flags, message):
    assert main(["gradcheck", *flags]) == 2
    assert capsys.readouterr().err == f"npseq: error: {message}\n"


def test_the_whole_matrix_has_every_variant_depth_direction_length_dtype_and_method():
    cases = matrix.matrix()
    assert len(cases) == len(set(cases))
    whole = [case for case in cases if case.cell == "lstm" and case.truncated is None]
    for entry, values in {
        "variant": {"plain", "peepholes", "projection", "both"},
        "layers": {1, 2},
        "directions": {1, 2},
        "ragged": {False, True},
        "dtype": {"float32", "float64"},
        "method": set(matrix.METHODS),
    }.items():
        assert {getattr(case, entry) for case in whole} == values
    assert len(whole) == 4 * 2 * 2 * 2 * 2 * 4
    assert {case.cell for case in cases} == set(matrix.CELLS)
    assert {case.truncated for case in cases} == {None, matrix.TRUNCATED}


@pytest.mark.parametrize("dtype", matrix.DTYPES)
def test_the_gradient_is_computed_in_the_cases_own_dtype(dtype):
    report = matrix.check(matrix.Case("gru", "reset after", 1, 1, True, dtype, "complex"))
    eps = np.finfo(dtype).eps
    assert report
    assert eps / 50 < report.max_error < 50 * eps


@pytest.mark.parametrize(("layers", "directions"), [(1, 1), (2, 2)])
def test_no_relu_layer_of_the_matrix_is_dead(layers, directions):
    report = matrix.check(matrix.Case("rnn", "relu", layers, directions, True, "float64", "directional"))
    assert {row.status for row in report.tensors} == {"pass"}
