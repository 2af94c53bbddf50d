import os
from pathlib import Path

import numpy as np
import pytest

from npseq.data.series import lagged_windows, load_co2, load_sunspots, noisy_sine

CO2_FILE, SUNSPOTS_FILE = "co2_mauna_loa_weekly_1958_2001.csv", "sunspots_yearly_1700_2008.csv"

CO2 = "date,co2\n19991225,368.0\n20000101,\n20000108,370.0\n20000115,371.5\n"


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("NPSEQ_DATA", str(tmp_path))
    return tmp_path


def measured(name: str) -> None:
    if not (Path(os.environ.get("NPSEQ_DATA", "")) / name).is_file():
        pytest.skip(f"{name}: not in the folder that NPSEQ_DATA names")


def test_noisy_sine_is_that_of_its_seed():
    assert noisy_sine(rng=3).tolist() == noisy_sine(rng=3).tolist() != noisy_sine(rng=4).tolist()
    assert noisy_sine().dtype == np.float32
    assert noisy_sine(5, dtype=np.float64).shape == (5,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0,), "length must be a positive"), ((5, -1.0), "noise must be finite and not")],
)
def test_noisy_sine_refuses_no_length_and_negative_noise(arguments, message):
    with pytest.raises(ValueError, match=message):
        noisy_sine(*arguments)


def test_a_sine_is_not_rounded_to_integers():
    with pytest.raises(TypeError, match=r"dtype must be a dtype, say numpy.float32, got <class 'int'>"):
        noisy_sine(5, dtype=int)


def test_windows_are_copies_of_the_dtype():
    series = np.arange(7, dtype=np.float32)
    windows, targets = lagged_windows(series[::-1][::-1], 3)
    windows[...], targets[...] = -1, -1
    assert series.tolist() == list(range(7))
    assert windows.dtype == targets.dtype == np.float32
    assert lagged_windows(series, 6)[0].tolist() == [[0, 1, 2, 3, 4, 5]]


@pytest.mark.parametrize(
    ("series", "lags", "error", "message"),
    [
        ([1.0, 2.0], 1, TypeError, "series must be a NumPy or CuPy array of numbers, got list; pass numpy.asarray"),
        (np.zeros((3, 2)), 1, ValueError, r"series must have shape \(T,\) with T over lags = 1, got shape \(3, 2\)"),
        (np.zeros(3), 3, ValueError, r"T over lags = 3, got shape \(3,\)"),
        (np.zeros(3), 0, ValueError, "lags must be a positive integer, got 0"),
        (np.zeros(3), 1.5, ValueError, "lags must be a positive integer, got 1.5"),
    ],
)
def test_lagged_windows_refuse_what_does_not_fit(series, lags, error, message):
    with pytest.raises(error, match=message):
        lagged_windows(series, lags)


def test_sunspots_are_309_years_without_gaps():
    measured(SUNSPOTS_FILE)
    series = load_sunspots()
    assert series.time.tolist() == list(range(1700, 2009))
    assert series.values[[0, 1, -1]].tolist() == [5, 11, 2.9]
    assert not series.missing.any()


def test_co2_has_59_weeks_without_a_reading():
    measured(CO2_FILE)
    series, dropped, holes = (load_co2(missing) for missing in ("interpolate", "drop", "nan"))
    assert len(series.values) == len(holes.values) == 2284
    assert series.missing.sum() == np.isnan(holes.values).sum() == 59
    assert len(dropped.values) == 2225
    assert series.values[0] == 316.1
    assert np.isfinite(series.values).all()
    np.testing.assert_allclose(np.diff(series.time) * 365.25, 7, atol=0.03)


def test_a_week_without_a_reading(folder):
    (folder / CO2_FILE).write_text(CO2)
    series = load_co2("interpolate")
    assert series.time == pytest.approx([1999 + 358 / 365, 2000, 2000 + 7 / 366, 2000 + 14 / 366], abs=1e-12)
    assert series.values == pytest.approx([368, 369, 370, 371.5], abs=0.01)  # a year's days are 365 or 366
    assert series.missing.tolist() == [False, True, False, False]
    dropped = load_co2("drop")
    assert (dropped.values.tolist(), dropped.missing.tolist()) == ([368, 370, 371.5], [False] * 3)
    assert np.isnan(load_co2("nan").values).tolist() == [False, True, False, False]


def test_what_becomes_of_gaps_must_be_said():
    with pytest.raises(ValueError, match="missing must be 'interpolate', 'drop' or 'nan', got 'zero'; 59 weeks"):
        load_co2("zero")
    with pytest.raises(TypeError, match="missing"):
        load_co2()


@pytest.mark.parametrize(("load", "name"), [(load_sunspots, SUNSPOTS_FILE), (lambda: load_co2("nan"), CO2_FILE)])
def test_a_file_that_is_not_there(load, name, folder):
    with pytest.raises(FileNotFoundError, match=rf"NPSEQ_DATA names must hold {name} \(the columns .* is not there"):
        load()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "a series must hold something, the file .* is empty"),
        ("date,co2\n", "must have a line for each reading, it has none; it has the columns date,co2 and 2,284 rows"),
        ("day,co2\n", r"must begin with the columns \['date', 'co2'\], got \['day', 'co2'\]"),
        ("date,co2\n20000101,1\n20000108\n", "must have 2 columns in each line, line 3 has 1"),
        ("date,co2\n20001301,1\n", "must hold days as YYYYMMDD in its first column, got '20001301,1' in line 2"),
        ("date,co2\n2000 101,1\n", "must hold days as YYYYMMDD .* got '2000 101,1' in line 2"),
        *(
            (f"date,co2\n20000101,1\n20000108,{bad}\n", f"must hold finite numbers, got '20000108,{bad}' in line 3")
            for bad in ("x", "inf", "-inf", "nan", "1e999", "1_0", "\u0661", "0x1", "1 2")
        ),
        ("date,co2\n20000108,1\n20000101,1\n", "its times in order, 20000101 in line 3 follows 20000108"),
        ("date,co2\n20000108,1\n20000108,\n", "its times in order, 20000108 in line 3 follows 20000108"),
    ],
)
def test_a_file_that_is_another(content, message, folder):
    (folder / CO2_FILE).write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        load_co2("nan")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"YEAR,SUNACTIVITY\n1700,5\n1701,inf\n", "must hold finite numbers, got '1701,inf' in line 3"),
        (b"YEAR,SUNACTIVITY\n1701,5\n1700,6\n", "must have its times in order, 1700 in line 3 follows 1701"),
        (b"YEAR,SUNACTIVITY\n1700,5\n1701,\xb5\n", "must be UTF-8, .*byte 0xb5 at offset 29 .* in line 3"),
    ],
)
def test_sunspots_that_are_no_series_are_refused_with_the_line(content, message, folder):
    (folder / SUNSPOTS_FILE).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_sunspots()


def test_nothing_is_interpolated_beyond_the_readings(folder):
    (folder / CO2_FILE).write_text("date,co2\n20000101,\n20000108,370.0\n")
    with pytest.raises(ValueError, match="must begin and end with a reading to be interpolated; use missing='drop'"):
        load_co2("interpolate")
    assert load_co2("drop").values.tolist() == [370]


def test_a_file_may_have_windows_line_ends_and_a_mark(folder):
    (folder / SUNSPOTS_FILE).write_bytes(b"\xef\xbb\xbfYEAR,SUNACTIVITY\r\n1700,5\r\n1701,6.5\r\n")
    assert load_sunspots().values.tolist() == [5, 6.5]


def test_a_year_without_sunspots(folder):
    (folder / SUNSPOTS_FILE).write_text('"YEAR","SUNACTIVITY"\n1700,5\n1701,\n')
    with pytest.raises(ValueError, match="must have a value in every year, 1701 has none"):
        load_sunspots()


def test_noise_that_the_dtype_cannot_hold_is_refused_before_it_is_drawn():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="noise must be a number whose multiples float32 can hold"):
        noisy_sine(3, 1e38, rng=rng)
    assert rng.normal() == np.random.default_rng(0).normal()
    assert np.array_equal(noisy_sine(3, -0.0, rng=0), noisy_sine(3, 0, rng=0))
