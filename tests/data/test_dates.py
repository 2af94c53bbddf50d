"""Dates follow each other in equal steps, of months, working days or time, or are said not to."""

import numpy as np
import pytest

from npseq.data import read_series
from npseq.data.dates import grid_of


def days(*texts):
    return np.array(texts, "datetime64[D]")


HOURS = np.arange("2024-03-30T00:00:00", "2024-04-01T00:00:00", np.timedelta64(1, "h"), "datetime64[s]")
JUNE = np.arange("2024-06-03", "2024-06-29", dtype="datetime64[D]")
WORKING = JUNE[np.isin(np.arange(len(JUNE)) % 7, range(5))]  # from a Monday on


@pytest.mark.parametrize(
    ("dates", "places"),
    [
        (days("2023-11-01", "2023-12-01", "2024-01-01", "2024-02-01", "2024-04-01"), [4]),
        (days("2023-12-31", "2024-01-31", "2024-02-29", "2024-04-30"), [3]),
        (days("2000-06-15", "2001-06-15", "2002-06-15", "2004-06-15"), [3]),
        (np.delete(JUNE, [5, 6]), [5, 6]),
        (WORKING, []),
        (np.delete(WORKING, [6]), [6]),
        (np.arange("2024-01-01", "2024-03-01", 7, "datetime64[D]"), []),
        (np.delete(HOURS, [26]), [26]),
        (np.array([1950.0, 1952, 1954, 1958]), [3]),
        (np.array([1949.0, 1949.083, 1949.167, 1949.4]), []),
        (days("2024-01-01", "2024-01-02", "2024-01-09"), []),
    ],
)
def test_dates_without_a_row_are_found(dates, places):
    grid = grid_of(dates)
    np.testing.assert_array_equal(grid.dates[grid.at], dates)
    assert np.delete(np.arange(len(grid.dates)), grid.at).tolist() == places
    assert grid.dates.dtype == dates.dtype
    assert len(np.unique(grid.dates)) == len(grid.dates)


@pytest.mark.parametrize(
    "dates", [days("2024-01-01", "2024-01-03", "2024-01-09", "2024-02-01"), np.array([1.0, 3, 4, 9, 20])]
)
def test_dates_at_no_equal_steps_have_no_grid(dates):
    assert grid_of(dates) is None


def test_dates_may_be_those_of_numpy():
    for unit in ("D", "ns"):
        dates = days("2024-01-01", "2024-01-03", "2024-01-02").astype(f"datetime64[{unit}]")
        series = read_series(list(zip(dates, [1.0, 3, 2], strict=True)))
        assert series.values.tolist() == [1, 2, 3]
        assert series.time.dtype == "datetime64[D]"


def test_a_date_without_a_row_is_a_missing_value():
    rows = [[str(day), str(k)] for k, day in enumerate(JUNE)]
    del rows[5:7]
    with pytest.raises(ValueError, match="a row at every step, the list has none for 2024-06-08 and 2 in all"):
        read_series(rows)
    assert len(read_series(rows, missing="drop").values) == len(JUNE) - 2
    masked = read_series(rows[::-1], missing="mask")
    np.testing.assert_array_equal(masked.time, JUNE)
    assert np.flatnonzero(np.isnan(masked.values)).tolist() == np.flatnonzero(masked.missing).tolist() == [5, 6]
    uneven = [[str(JUNE[k]), "1"] for k in (0, 2, 7, 20)]
    for missing in ("refuse", "mask"):
        with pytest.raises(ValueError, match="in equal steps, those of the list are 2 days to 13 days apart"):
            read_series(uneven, missing=missing)
    assert read_series(uneven, missing="drop").values.tolist() == [1, 1, 1, 1]
