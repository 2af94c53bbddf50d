"""Changes, and what is expected without a model, are their definitions."""

import numpy as np
import pytest

from npseq.models.differences import ahead_of, base_of, changes_of, filled, naive_from, naive_of, scaling_of, values_of

X = np.array([1.0, 4, 9, 16, 25, 36, 49])


@pytest.mark.parametrize("lags", [[], [1], [3], [1, 2], [1, 3]])
def test_a_value_is_its_base_and_its_change(lags):
    base, changes = base_of(X, lags), changes_of(X, lags)
    lost = sum(lags)
    assert np.isnan(base[:lost]).all()
    np.testing.assert_array_equal(base[lost:] + changes, X[lost:])


def steadily_ahead(values, lags, horizon):  # the lags of [], [1], [3] and [1, 3] differ in their sums
    """The forecasts after each value, a step at a time, if all changes to come are the mean of those before."""
    found = np.full((len(values), horizon), np.nan)
    for at in range(sum(lags), len(values)):
        known = [0.0, 0, 0, *values[: at + 1].tolist()]
        mean = np.mean(changes_of(values[: at + 1], lags))
        for k in range(horizon):
            bases = {0: 0.0, 1: known[-1], 3: known[-3], 4: known[-1] + known[-3] - known[-4]}
            known.append(bases[sum(lags)] + mean)
            found[at, k] = known[-1]
    return found


@pytest.mark.parametrize("season", [None, 3])
def test_the_differences_are_those_whose_steady_forecasts_err_least(season):
    rng = np.random.default_rng(1)
    noise = rng.normal(size=90)
    wave = np.tile([5.0, -5, 0], 30)
    cases = [noise, noise.cumsum(), wave + noise, wave + noise.cumsum(), 20 * np.sin(np.arange(90) / 3)]
    cases.append(wave + np.arange(90) ** 2 / 9)
    options = [[], [1]] if season is None else [[1], [3], [1, 3]]
    taken = []
    for values in cases:
        wanted = ahead_of(values, 4)
        errors = [np.nanmean((wanted - steadily_ahead(values, lags, 4))[sum(options[-1]) :] ** 2) for lags in options]
        found = scaling_of(values, season, 4)
        taken.append(found.lags)
        assert found.lags == options[int(np.argmin(errors))]
        changes = changes_of(values, found.lags)
        assert (found.mean, found.scale) == pytest.approx((changes.mean(), changes.std()))
    assert len({tuple(lags) for lags in taken}) == len(options)


def test_what_follows_each_value():
    np.testing.assert_array_equal(ahead_of(X[:3], 2), [[4, 9], [9, np.nan], [np.nan, np.nan]])


def test_naive_forecasts():
    assert naive_of(X, 3, None).tolist() == [49, 49, 49]
    assert naive_of(X, 5, 3).tolist() == [25, 36, 49, 25, 36]
    assert naive_from(X, np.array([3, 5]), 3, 2).tolist() == [[4, 9, 4], [16, 25, 16]]


def test_a_missing_value_is_the_last_before_it():
    assert filled(np.array([np.nan, 2, np.nan, np.nan, 5])).tolist() == [2, 2, 2, 2, 5]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.ones((2, 2)), r"must be values \(T,\)"),
        ([1, np.inf], "infinity at 1"),
        ([0, 1e200], "float64 can hold, got 1e.200"),
        ([0, 1e-200], "got 1e-200; give it in"),
    ],
)
def test_what_is_no_series_is_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        values_of(bad)


def test_a_path_is_no_series():
    with pytest.raises(TypeError, match=r"got the path 'a.csv'; pass ns.data.read_series\(path\)"):
        values_of("a.csv")
