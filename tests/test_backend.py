"""The array module is read off the arguments; sums into rows have an order; on a device tests/gpu judges the same."""

import numpy as np
import pytest

from npseq import backend


def test_the_module_of_numpy_arrays_is_numpy_and_none_is_skipped():
    assert backend.array_module(np.ones(2), None, np.float32(1)) is np
    assert backend.array_module() is np


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.ma.ones(2), r"array must be a NumPy or CuPy array of numbers, got numpy.MaskedArray; pass array.filled\("),
        (np.ones((2, 2)).view(np.matrix), r"got numpy.matrix; pass numpy.asarray\(array\)"),
        ([1.0], r"got list; pass numpy.asarray\(array\)"),
    ],
)
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_arrays_of_another_kind_are_refused(array, text):
    with pytest.raises(TypeError, match=text):
        backend.array_module(np.ones(2), array)


def test_an_array_that_has_a_name_is_refused_by_it():
    with pytest.raises(TypeError, match=r"dy must be a NumPy or CuPy array .*; pass dy.filled"):
        backend.array_module(x=np.ones(1), dy=np.ma.ones(1))


def test_the_device_of_the_host_is_cpu():
    assert backend.device_module("cpu") is np


@pytest.mark.parametrize("device", ["cuda", "CPU", 0, None])
def test_an_unknown_device_is_refused(device):
    with pytest.raises(ValueError, match=f"device must be 'cpu' or 'gpu', got {device!r}"):
        backend.device_module(device)


def test_to_host_returns_a_numpy_array_itself():
    x = np.ones(3)
    assert backend.to_host(x) is x


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_one_keeps_the_dtype_of_a_sum(dtype):
    x = np.ones(2, dtype)
    y = x + backend.one(x)
    assert y.dtype == dtype
    assert (y == 2).all()


@pytest.mark.parametrize("seed", range(3))
def test_scatter_add_is_the_loop_over_the_rows(seed):
    rng = np.random.default_rng(seed)
    target, index, values = rng.normal(size=(5, 3)), rng.integers(0, 4, 20), rng.normal(size=(20, 3))
    expected = target.copy()
    for j in range(20):
        expected[index[j]] += values[j]
    backend.scatter_add(target, index, values)
    np.testing.assert_allclose(target, expected, rtol=1e-14, atol=1e-14)


def test_scatter_add_of_no_rows_changes_nothing():
    target = np.ones((2, 3))
    backend.scatter_add(target, np.zeros(0, int), np.zeros((0, 3)))
    np.testing.assert_array_equal(target, 1)


@pytest.mark.parametrize("selector", [1 << 26, 7])
def test_one_hot_products_add_the_same_rows_as_sorted_runs(monkeypatch, selector):
    """What a device does, run by NumPy; a small table makes it work on a few rows at a time."""
    monkeypatch.setattr(backend, "SELECTOR", selector)
    rng = np.random.default_rng(0)
    one, index, values = rng.normal(size=(6, 2)), rng.integers(0, 6, 9), rng.normal(size=(9, 2))
    other = one.copy()
    backend.scatter_add(one, index, values)
    backend._add_selected(np, other, index, values)
    np.testing.assert_allclose(one, other, rtol=1e-14)


def test_another_product_is_for_devices_alone_and_ends_with_its_block():
    def refused(a, b, out):
        raise AssertionError("NumPy arrays are multiplied by NumPy")

    a, b, out = np.ones((2, 3)), np.ones((3, 2)), np.empty((2, 2))
    with backend.multiplying_with(refused):
        assert backend._product is refused
        assert backend.matmul(a, b, out) is out
    assert backend._product is None
    np.testing.assert_array_equal(out, 3)


def test_a_generator_is_made_of_a_seed_or_is_the_given_one():
    rng = np.random.default_rng(3)
    assert backend.generator(rng) is rng
    assert backend.generator(3).integers(1000) == np.random.default_rng(3).integers(1000)


@pytest.mark.parametrize(("rng", "error"), [(-1, ValueError), ("seed", TypeError), (1.5, TypeError)])
def test_what_is_no_seed_is_refused(rng, error):
    with pytest.raises(error, match=r"rng must be a seed of at least 0, a numpy.random.Generator or None, got"):
        backend.generator(rng)


def test_a_block_that_fails_has_drawn_nothing():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="scale < 0"), backend.drawing(rng) as given:
        given.normal(0, np.array([1.0, -1.0]) * np.abs(given.normal(size=2)))
    assert given is rng
    assert rng.normal() == np.random.default_rng(0).normal()
    with backend.drawing(0) as made:
        assert made.normal() == np.random.default_rng(0).normal()
