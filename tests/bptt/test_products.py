"""Products with the recurrent weights are what they say, whichever way they take."""

from __future__ import annotations

import numpy as np
import pytest

from npseq.bptt import products
from npseq.bptt.products import product_by, projection_by, rows_of_blocks


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


@pytest.mark.parametrize(
    ("sizes", "rows"),
    [
        ((1024, 285, 4), 64),
        ((1024, 285, 12), 64),
        ((768, 285, 8), 64),
        ((256, 1024, 8), 64),
        ((1024, 285, 1), 1024),  # one sequence
        ((1024, 285, 16), 1024),  # many
        ((768, 285, 4), 768),  # not packed as a whole either
        ((1000, 285, 8), 1000),  # no whole number of blocks
        ((4096, 2048, 8), 4096),  # a block would be packed too
    ],
)
def test_a_product_is_cut_where_openblas_would_pack_the_whole_and_not_the_blocks(sizes, rows, monkeypatch):
    monkeypatch.setattr(products, "_has_small_kernels", lambda: True)
    assert rows_of_blocks(*sizes) == rows
    monkeypatch.setattr(products, "_has_small_kernels", lambda: False)
    assert rows_of_blocks(*sizes) == sizes[0]


@pytest.mark.parametrize("order", ["C", "F", "columns"])
def test_a_product_of_blocks_is_the_product(order, monkeypatch):
    monkeypatch.setattr(products, "rows_of_blocks", lambda rows, columns, batch: 4)
    rng = np.random.default_rng(0)
    matrix = {
        "C": rng.normal(size=(12, 5)),
        "F": rng.normal(size=(5, 12)).T,
        "columns": rng.normal(size=(12, 9))[:, :5],
    }
    times, x, out = product_by(matrix[order], 3), rng.normal(size=(5, 3)), np.full((12, 3), np.nan)
    expected = np.einsum("ij,jk->ik", matrix[order], x)
    np.testing.assert_allclose(times(x), expected, rtol=0, atol=1e-14)
    np.testing.assert_allclose(times(x, out), expected, rtol=0, atol=1e-14)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-14)


def test_which_kernels_there_are_is_asked_of_openblas(monkeypatch):
    import threadpoolctl

    class Library:
        def __init__(self, architecture):
            self.architecture = architecture

    class Controller:
        found: tuple[str, ...] = ()

        def select(self, internal_api):
            self.lib_controllers = [Library(name) for name in self.found]
            return self

    monkeypatch.setattr(threadpoolctl, "ThreadpoolController", Controller)
    for found, small in (((), False), (("SkylakeX",), True), (("SkylakeX", "Haswell"), False), (("Zen",), False)):
        monkeypatch.setattr(Controller, "found", found)
        assert products._has_small_kernels.__wrapped__() is small
