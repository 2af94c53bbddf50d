"""Norms at every size, and products with weights of 0."""

import numpy as np
import pytest

from npseq.magnitude import blank, joint_norm, norm, scaled, weighed

SIZES = [(np.float32, 2.0**k) for k in (-149, -120, -70, 0, 70, 126)] + [
    (np.float64, 2.0**k) for k in (-1070, -700, 0, 700, 1021)
]


@pytest.mark.parametrize(("dtype", "size"), SIZES)
def test_a_norm_at_every_size_is_a_multiple_of_that_at_one(dtype, size):
    """3 and 4 times a power of two: the norm is 5 times it, exactly, from the smallest number to the largest."""
    part = 0.25 if size > 1e30 else 1.0
    array = np.array([[3, -4], [0, 4]], dtype) * dtype(size * part)
    np.testing.assert_array_equal(norm(array, 1), np.array([5, 4], dtype) * dtype(size * part))
    assert norm(array[:1]) == dtype(5 * size * part)
    assert norm(array, 1).dtype == dtype
    found = joint_norm([array[:, :1], array[:, 1:]], 1)
    np.testing.assert_array_equal(found, norm(array, 1))


def test_axes_are_those_of_a_sum():
    array = np.random.default_rng(0).normal(size=(2, 3, 4))
    for axes in (0, 2, (0, 2), (1, 2), None):
        np.testing.assert_allclose(norm(array, axes), np.sqrt((array**2).sum(axis=axes)), rtol=1e-14)


def test_nothing_and_zeros_have_the_norm_zero():
    assert norm(np.zeros(3)) == norm(np.zeros((0, 2))) == joint_norm([np.zeros((0, 2)), np.zeros(1)]) == 0
    np.testing.assert_array_equal(norm(np.zeros((2, 0)), 1), [0, 0])


def test_what_is_not_finite_stays_so():
    np.testing.assert_array_equal(
        norm(np.array([[np.inf, 1], [np.nan, 1], [-np.inf, np.nan]]), 1), [np.inf, np.nan, np.nan]
    )


def test_scaled_has_a_largest_entry_of_one():
    parts, size = scaled(np.array([[2.0, -8.0], [0.0, 0.0]]), 1)
    np.testing.assert_array_equal(parts, [[0.25, -1], [0, 0]])
    np.testing.assert_array_equal(size, [[8], [1]])


@pytest.mark.parametrize("garbage", [np.nan, np.inf, -np.inf])
def test_nothing_is_left_of_what_has_no_weight(garbage):
    array, weight = np.array([[1.0, garbage], [2, 3]]), np.array([[2.0, 0], [0, 1]])
    np.testing.assert_array_equal(weighed(np, array, weight), [[2, 0], [0, 3]])
    np.testing.assert_array_equal(blank(np, array, weight > 0), [[1, 0], [0, 3]])
    assert blank(np, array, 0.5) is array
    assert blank(np, array, np.ones((2, 1))) is array
