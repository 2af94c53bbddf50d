"""A matrix in panels, times some columns, is the product of NumPy, for every way the sizes can be cut."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba", reason="the extra `fast` is not installed")

from npseq.compiled.tiles import tiles_of

TOLERANCE = {"float32": 1e-5, "float64": 1e-13}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("n", "depth"), [(3, 5), (130, 7), (64, 1), (5, 0)])
@pytest.mark.parametrize("columns", [(2, 0, 2), (4, 0, 4), (9, 4, 5), (16, 8, 8), (7, 6, 1)])
def test_a_product_by_panels_is_that_of_the_matrix(dtype, n, depth, columns):
    pack, forth, back = tiles_of(np.dtype(dtype))
    rng, (row, first, width) = np.random.default_rng(0), columns
    M, x, before = (rng.normal(size=size).astype(dtype) for size in ((n, depth), (depth, row), (n, row)))
    panels, at = pack(M, n, depth, False), np.s_[:, first : first + width]
    np.testing.assert_array_equal(panels, pack(np.ascontiguousarray(M.T), n, depth, True))
    for times in (forth, back):
        for adds in (False, True):
            out, expected = before.copy(), before.copy()
            expected[at] = (M.astype(np.float64) @ x[at] + adds * before[at]).astype(dtype)
            times(panels, x.ravel(), row, first, out.ravel(), row, first, width, adds)
            np.testing.assert_allclose(out, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] * depth)


def test_columns_go_to_a_narrower_array_and_their_bits_do_not_depend_on_the_others():
    pack, forth, _ = tiles_of(np.dtype(np.float64))
    rng = np.random.default_rng(0)
    M, x = rng.normal(size=(70, 9)), rng.normal(size=(9, 12))
    panels, whole, some = pack(M, 70, 9, False), np.empty((70, 12)), np.empty((70, 5))
    forth(panels, x.ravel(), 12, 0, whole.ravel(), 12, 0, 12, False)
    forth(panels, x.ravel(), 12, 4, some.ravel(), 5, 0, 5, False)
    np.testing.assert_array_equal(some, whole[:, 4:9])
