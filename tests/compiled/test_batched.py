"""The batched product is NumPy's, on one thread or more, in any memory order of the matrix."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba", reason="the extra `fast` is not installed")

from npseq.compiled.batched import product


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "depth", "batch"), [(1, 1, 2), (70, 33, 5), (129, 66, 12), (16, 3, 8)])
def test_it_is_the_product_of_each_to_the_same_bits_on_more_threads(monkeypatch, dtype, n, depth, batch):
    for name, value in (
        ("compiled.sharing.SMALL", 0),
        ("compiled.sharing.SHORT", 0),
        ("threads._processors", lambda: 3),
    ):
        monkeypatch.setattr(f"npseq.{name}", value)
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(n, depth)).astype(dtype), rng.normal(size=(4, depth, batch)).astype(dtype)
    found = []
    for count in (1, 2, 3):
        monkeypatch.setattr("npseq.threads._own", count)
        for matrix in (a, np.asfortranarray(a), np.repeat(a, 2, axis=1)[:, ::2]):
            out = np.full((4, n, batch), np.nan, dtype)
            product(matrix, b, out)
            found.append(out)
    np.testing.assert_allclose(found[0], a @ b, rtol=0, atol=1e-4 if dtype == np.float32 else 1e-13)
    for other in found[1:]:
        np.testing.assert_array_equal(found[0], other)
