"""The matrix of checks holds every variant, and its table names what fails."""

from __future__ import annotations

import numpy as np
import pytest

from npseq.bptt import loop
from npseq.layercheck import matrix


def test_the_whole_matrix_has_every_variant_depth_direction_length_dtype_and_method():
    cases = matrix.matrix()
    assert len(cases) == len(set(cases))
    whole = [case for case in cases if case.cell == "lstm" and case.truncated is None]
    for entry, values in {
        "variant": {"plain", "peepholes", "projection", "both", "activated"},
        "layers": {1, 2},
        "directions": {1, 2},
        "ragged": {False, True},
        "dtype": {"float32", "float64"},
        "method": set(matrix.METHODS),
    }.items():
        assert {getattr(case, entry) for case in whole} == values
    assert len(whole) == 5 * 2 * 2 * 2 * 2 * 4
    assert {case.cell for case in cases} == set(matrix.CELLS)
    assert {case.truncated for case in cases} == {None, matrix.TRUNCATED}


@pytest.mark.parametrize("dtype", matrix.DTYPES)
def test_the_gradient_is_computed_in_the_dtype_of_the_case(dtype):
    report = matrix.check(matrix.LayerCase("gru", "reset after", 1, 1, True, dtype, "complex"))
    eps = np.finfo(dtype).eps
    assert report
    assert eps / 50 < report.max_error < 50 * eps


@pytest.mark.parametrize(("layers", "directions"), [(1, 1), (2, 2)])
def test_every_relu_layer_of_the_matrix_has_active_units(layers, directions):
    report = matrix.check(matrix.LayerCase("rnn", "relu", layers, directions, True, "float64", "directional"))
    assert {row.status for row in report.tensors} == {"pass"}


def test_quick_leaves_out_float32_full_lengths_and_two_way_stacks():
    cases = matrix.matrix(["gru", "linear"], ["complex"], quick=True)
    assert {case.dtype for case in cases} == {"float64"}
    assert {case.ragged for case in cases if case.cell == "gru"} == {True}
    assert {(case.layers, case.directions) for case in cases} == {(1, 1), (1, 2), (2, 1), (0, 0)}
    assert set(cases) < set(matrix.matrix(["gru", "linear"], ["complex"]))


def test_a_case_prints_as_one_line():
    case = matrix.LayerCase("lstm", "both", 2, 1, True, "float32", "complex", 2)
    assert str(case) == "lstm both 2 forward float32 (lengths [2, 3], Truncated(2), complex)"


def test_the_table_shows_the_largest_error_a_gap_or_a_failure(monkeypatch):
    cases = [case for case in matrix.matrix(["rnn", "linear"], ["complex"], quick=True) if case.variant != "relu"]
    right = loop.backward
    good = {case: matrix.check(case) for case in cases}
    monkeypatch.setattr(loop, "backward", lambda *given: (a := right(*given))._replace(dh=a.dh * 1.001))
    wrong = {case: matrix.check(case) for case in cases}
    rows = [line.split() for line in matrix.table(good).splitlines()]
    assert rows[0] == ["cell", "variant", "layers", "direction", "dtype", "complex", "truncated"]
    assert rows[-1][0] == "linear"
    assert rows[-1][-1] == "-"
    assert all(float(row[-2]) < 1e-12 for row in rows[1:])
    assert [line.split()[-2] for line in matrix.table(wrong).splitlines()[1:-1]] == ["FAIL"] * (len(rows) - 2)


def test_unknown_cells_and_methods_are_refused():
    with pytest.raises(ValueError, match=r"cell must be one of rnn, gru, .*, got 'elman'"):
        matrix.matrix(["elman"])
    with pytest.raises(ValueError, match=r"method must be one of complex, .*, got 'forward'"):
        matrix.matrix(methods=["forward"])
