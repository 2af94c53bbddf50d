"""Products in plain loops are NumPy's, for numbers of rows that no block of four fits too."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba", reason="the extra `fast` is not installed")

from npseq.compiled.products import add, add_rows, dots, times


def test_products_are_numpys():
    rng = np.random.default_rng(0)
    for rows, width, steps in ((1, 1, 1), (4, 3, 8), (7, 5, 9), (3, 6, 2)):
        W, x, out = rng.normal(size=(rows, width + 2)), rng.normal(size=rows), rng.normal(size=width)
        expected = out + x @ W[:, :width]
        add_rows(W, x, out)
        np.testing.assert_allclose(out, expected)
        found = x.copy()
        dots(W, out, found)
        np.testing.assert_allclose(found, x + W[:, :width] @ out)
        add(out.copy(), out)
        np.testing.assert_allclose(out, 2 * expected)

        d, columns = rng.normal(size=(steps, width + 1)), rng.normal(size=(steps, rows))
        product = np.zeros((rows, width + 3))
        times(columns, d, product, 2, width)
        np.testing.assert_allclose(product[:, 2 : width + 2], columns.T @ d[:, :width])
        assert not product[:, :2].any()
        assert not product[:, width + 2 :].any()
