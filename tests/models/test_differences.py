"""Changes, and what is expected without a model, are their definitions."""

import numpy as np
import pytest

from npseq.models.differences import base_of, changes_of, filled, lags_for, naive_of, values_of

X = np.array([1.0, 4, 9, 16, 25, 36, 49])


@pytest.mark.parametrize("lags", [[], [1], [3], [1, 2], [1, 3]])
def test_a_value_is_its_base_and_its_change(lags):
    base, changes = base_of(X, lags), changes_of(X, lags)
    lost = sum(lags)
    assert np.isnan(base[:lost]).all()
    np.testing.assert_array_equal(base[lost:] + changes, X[lost:])


def test_a_step_is_subtracted_where_the_last_value_says_more_than_the_mean():
    noise = np.random.default_rng(0).normal(size=200)
    assert lags_for(noise, [1], 12) == []
    assert lags_for(noise.cumsum(), [1], 12) == [1]
    assert lags_for(noise, [1, 7], 12) == [7]
    assert lags_for(noise.cumsum().cumsum(), [1, 7], 12) == [1, 7]
    wave = np.sin(np.arange(200) / 3)  # of which the last value says much of the next, and nothing of a half period on
    assert lags_for(wave, [1], 2) == [1]
    assert lags_for(wave, [1], 12) == []
    wave[5::9] = np.nan
    assert lags_for(wave, [1], 2) == [1]


def test_naive_forecasts():
    assert naive_of(X, 3, None).tolist() == [49, 49, 49]
    assert naive_of(X, 5, 3).tolist() == [25, 36, 49, 25, 36]


def test_a_missing_value_is_the_last_before_it():
    assert filled(np.array([np.nan, 2, np.nan, np.nan, 5])).tolist() == [2, 2, 2, 2, 5]


@pytest.mark.parametrize(
    ("bad", "message"), [(np.ones((2, 2)), r"must be values \(T,\)"), ([1, np.inf], "infinity at 1")]
)
def test_what_is_no_series_is_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        values_of(bad)
