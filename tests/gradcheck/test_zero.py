"""A gradient of zero is believed if f is flat, or if f changes far more nearby than the error allows."""

import numpy as np
import pytest
from gradcheck.problems import measured

from npseq.gradcheck.zero import is_zero, slope_nearby


def nearby(f, x):
    with np.errstate(all="ignore"):
        return slope_nearby(measured(f, np.asarray(x, dtype=float)), "x", np.random.default_rng(0))


@pytest.mark.parametrize("f", [lambda x: 3.0, lambda x: 0.0, lambda x: (np.exp(x) / np.exp(x).sum()).sum()])
def test_a_function_that_does_not_change_beyond_its_rounding_is_flat(f):
    assert nearby(f, [0.3, -0.5, 1.0]) == 0.0


@pytest.mark.parametrize("size", [1e-100, 1.0, 1e100])
def test_the_slope_is_that_of_a_typical_entry(size):
    assert 1 < nearby(lambda x: np.abs(5 * x).sum(), size * np.array([0.0, 1.0, -1.0])) < 30


def test_a_function_that_moves_further_away_only_is_not_flat():
    assert nearby(lambda x: np.maximum(x - 20, 0).sum(), [0.7, -1.0]) > 0.1


def test_values_that_are_not_finite_are_left_out_and_without_any_nothing_is_known():
    assert np.isnan(nearby(lambda x: x.sum() if np.all(x == 1) else np.nan, [1.0, 1.0]))


def never():
    raise AssertionError


def test_a_value_beyond_its_error_is_not_zero_and_needs_no_look_around():
    assert not is_zero(np.array([0.0, 2e-9]), np.array([1e-9, 1e-9]), never)
    assert not is_zero(np.array([0.0]), np.array([np.inf]), never)
    assert not is_zero(np.array([np.nan]), np.array([1e-9]), never)


def test_an_exact_zero_needs_no_look_around_either():
    assert is_zero(np.zeros(2), np.zeros(2), never)


def test_an_error_must_be_small_beside_the_slopes_nearby_unless_f_is_flat():
    values, errors = np.array([1e-6, 0.0]), np.array([2e-6, 1e-6])
    assert is_zero(values, errors, lambda: 1.0)
    assert not is_zero(values, errors, lambda: 1e-3)
    assert is_zero(values, errors, lambda: 0.0)
    assert not is_zero(values, errors, lambda: np.nan)
