"""Forecasts by any predictor: one step, many steps, and the naive ones."""

import numpy as np
import pytest

from npseq.models.counting.forecasting import error_growth, k_step, multi_step, naive, one_step, root_mean_square

RNG = np.random.default_rng(0)


def steady(window):
    """A predictor whose forecasts are easily followed: the first of the window, plus a tenth."""
    return window[:, 0] + 0.1


def test_one_and_multi_step():
    series = np.arange(6.0)
    assert one_step(steady, series, 2) == pytest.approx([0.1, 1.1, 2.1, 3.1])
    assert multi_step(steady, series, 2, 5) == pytest.approx([4.1, 5.1, 4.2, 5.2, 4.3])
    assert multi_step(steady, series.astype(np.float32), 2, 1).dtype == np.float32


def test_k_step_columns_are_one_and_multi_step_forecasts():
    series = RNG.normal(size=11)
    columns = k_step(steady, series, 2, 3)
    assert columns.shape == (7, 5)
    np.testing.assert_array_equal(columns[:, 2], one_step(steady, series, 2)[:7])
    for i, row in enumerate(columns):
        np.testing.assert_array_equal(row[:2], series[i : i + 2])
        np.testing.assert_array_equal(row[2:], multi_step(steady, series[: i + 2], 2, 3))


def test_naive_forecasts():
    history = np.array([1.0, 2, 3])
    assert naive(history, 3).tolist() == [3, 3, 3]
    assert naive(history, 5, period=2).tolist() == [2, 3, 2, 3, 2]


def test_error_growth():
    e, c = 0.3, 0.9
    assert error_growth(e, c, 4) == pytest.approx([e * (1 - c**k) / (1 - c) for k in (1, 2, 3, 4)], rel=1e-13)
    assert error_growth(0, 2.0, 3, start=1.0).tolist() == [2, 4, 8]


def test_root_mean_square():
    assert root_mean_square(np.array([1.0, 2]), np.array([4.0, 6])) == pytest.approx(np.sqrt(12.5), rel=1e-15)
    with pytest.raises(ValueError, match=r"prediction must have the shape of truth, \(2,\), got \(1,\)"):
        root_mean_square(np.zeros(1), np.zeros(2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: multi_step(steady, np.zeros(2), 3, 1), r"history must be an array .* at least lags = 3, got"),
        (lambda: k_step(steady, np.zeros(4), 2, 3), r"T at least lags \+ steps = 5, got shape \(4,\)"),
        (lambda: naive(np.zeros(2), 1, 3), r"T at least period = 3, got shape \(2,\)"),
        (lambda: error_growth(1, 1, 0), "steps must be a positive integer, got 0"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
    with pytest.raises(TypeError, match="history must be a NumPy or CuPy array of numbers, got list"):
        multi_step(steady, [1.0], 1, 1)


@pytest.mark.parametrize(
    "call",
    [
        lambda series: one_step(steady, series, 2),
        lambda series: multi_step(steady, series, 2, 1),
        lambda series: k_step(steady, series, 2, 1),
        lambda series: naive(series, 1),
    ],
)
def test_a_series_with_a_gap_is_refused_with_its_place(call):
    with pytest.raises(ValueError, match=r"(series|history) must be finite, got nan at \[3\]; fill in what is missing"):
        call(np.array([0.0, 1.0, 2.0, np.nan, 4.0]))
