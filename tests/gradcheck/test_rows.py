"""A row names the tensor, its status and its worst entry."""

import numpy as np
import pytest
from gradcheck.problems import RIGHT, WEIGHED_AT, WRONG, weighed

from npseq.gradcheck import KinkAt, TensorReport, gradcheck
from npseq.gradcheck.rows import COLUMNS, index_of, located


def test_the_row_of_a_wrong_tensor_as_values():
    row = gradcheck(weighed, WEIGHED_AT, WRONG, method="complex").tensors[0]
    assert (row.name, row.shape, row.status, row.index) == ("W", (3, 4), "fail", (1, 2))
    assert row.scale == pytest.approx(np.abs(WRONG["W"]).max())
    assert row.error == pytest.approx(abs(RIGHT["W"][1, 2]) / 2 / row.scale)
    assert row.errors.shape == (3, 4)
    assert np.count_nonzero(row.errors > 1e-12) == 1


def test_an_entry_is_located_and_a_direction_or_a_scalar_is_named():
    assert located("W", (1, 2)) == "W[1, 2]"
    assert located("b", (0,)) == "b[0]"
    assert located("s", ()) == located("s", None) == "s"


def test_an_entry_of_the_flattened_tensor_has_an_index():
    assert index_of(6, (3, 4)) == (1, 2)
    assert index_of(0, ()) == ()
    assert all(type(i) is int for i in index_of(np.int64(5), (2, 3)))


def test_a_kink_says_where_and_how_the_slopes_differ():
    assert str(KinkAt("x", (1,), -0.5, 2.0, 0.0)) == "kink at x[1]: slopes -0.5 and 2, analytic 0"
    assert str(KinkAt("x", None, -0.5, 2.0, 0.0)).startswith("kink at x: ")


def test_a_row_has_a_cell_in_every_column():
    row = TensorReport("W", (3, 4), 2.0, 1e-3, 1e-6, "fail", (1, 2), 0.5, 0.25, 30)
    cells = ("W", "(3, 4)", "2", "1.00e-03", "1.00e-06", "fail", "[1, 2]", "0.5", "0.25", "30")
    assert row.cells() == cells
    assert len(cells) == len(COLUMNS)
    assert not row.passed


def test_arrays_are_no_part_of_a_row_s_equality():
    one, other = (TensorReport("x", (2,), 1.0, 0.0, 1e-6, "pass", errors=np.full(2, e)) for e in (0.0, 1.0))
    assert one == other
    assert "errors" not in repr(one)
