"""Products with the recurrent weights are what they say, whichever way they take."""

from __future__ import annotations

import numpy as np
import pytest

from npseq.bptt.products import product_by, projection_by


@pytest.mark.parametrize(
    ("matrix", "way"),
    [
        (np.arange(12.0).reshape(3, 4), "dot"),
        (np.asfortranarray(np.arange(12.0).reshape(3, 4)), "dot"),
        (np.arange(24.0).reshape(3, 8)[:, 2:6], "matmul"),
        (np.arange(24.0).reshape(8, 3).T[:, ::2], "matmul"),
    ],
    ids=["C", "Fortran", "columns", "every other"],
)
def test_product_by_multiplies_from_the_left_and_copies_no_part_of_a_matrix(matrix, way):
    times, x, out = product_by(matrix), np.arange(20.0).reshape(4, 5), np.empty((3, 5))
    assert getattr(times, "__name__", None) == "dot" if way == "dot" else times.func is np.matmul
    np.testing.assert_array_equal(times(x), np.einsum("ij,jk->ik", matrix, x))
    assert times(x, out) is out
    np.testing.assert_array_equal(out, np.einsum("ij,jk->ik", matrix, x))


@pytest.mark.parametrize("lags", [(), (2,)])
def test_projection_by_multiplies_and_saves_what_it_was_given_in_order(lags):
    matrix, saved = np.arange(6.0).reshape(2, 3), np.full((2, 3, *lags, 5), np.nan)
    project = projection_by(matrix, saved)
    given = [np.random.default_rng(seed).normal(size=(3, *lags, 5)) for seed in range(2)]
    for x in given:
        np.testing.assert_allclose(project(x), np.einsum("ij,j...->i...", matrix, x), rtol=0, atol=1e-14)
    np.testing.assert_array_equal(saved, given)
