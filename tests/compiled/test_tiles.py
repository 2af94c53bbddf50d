"""A matrix in panels, times some columns, is the product of NumPy, for every way the sizes can be cut."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("numba", reason="the extra `fast` is not installed")

from npseq.compiled.tiles import tiles_of

TOLERANCE = {"float32": 1e-5, "float64": 1e-13}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("blocks", "units", "depth"), [(1, 3, 5), (2, 130, 7), (3, 64, 1)])
@pytest.mark.parametrize("B", [2, 4, 9, 16])
@pytest.mark.parametrize("count", [1, 3])
def test_a_product_by_panels_is_that_of_the_matrix(dtype, blocks, units, depth, B, count):
    pack, _, forth, back, span = tiles_of(np.dtype(dtype))
    n, rng = blocks * units, np.random.default_rng(0)
    M, x, before = (rng.normal(size=size).astype(dtype) for size in ((n, depth), (depth, B), (n, B)))
    parts = [span(units * B, (B, part, count)) for part in range(count)]
    assert parts[0][0] == 0
    assert parts[-1][1] == units * B
    assert all(one[1] == other[0] for one, other in pairwise(parts))
    for times in (forth, back):
        for adds in (False, True):
            out = before.copy()
            expected = (M.astype(np.float64) @ x + adds * before).astype(dtype)
            for first, last in parts:
                at = first // B, last // B
                panels = pack(M, blocks, units, depth, False, *at)
                np.testing.assert_array_equal(panels, pack(np.ascontiguousarray(M.T), blocks, units, depth, True, *at))
                times(panels, x.ravel(), B, out.ravel(), blocks, first, last, adds)
            np.testing.assert_allclose(out, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] * depth)


def test_what_a_sequence_gives_does_not_depend_on_the_others():
    pack, _, forth, *_ = tiles_of(np.dtype(np.float64))
    rng = np.random.default_rng(0)
    M, x = rng.normal(size=(70, 9)), rng.normal(size=(9, 12))
    panels, whole, some = pack(M, 1, 70, 9, False, 0, 70), np.empty((70, 12)), np.empty((70, 5))
    forth(panels, x.ravel(), 12, whole.ravel(), 1, 0, 70 * 12, False)
    forth(panels, np.ascontiguousarray(x[:, 4:9]).ravel(), 5, some.ravel(), 1, 0, 70 * 5, False)
    np.testing.assert_array_equal(some, whole[:, 4:9])
