"""This module makes a synthetic series, reads two measured ones, and cuts windows to predict the next value from.

A series is (T,), one value a step. Measured series come from the folder that NPSEQ_DATA names, or are downloaded.
"""

from collections.abc import Callable
from datetime import date
from math import isfinite, nan
from re import fullmatch
from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import a_dtype, amount, array, deviation, integer
from npseq.backend import Array, Seed, array_module, generator
from npseq.data.reading import lines_of
from npseq.data.sources import CO2, SUNSPOTS, Source, path_of
from npseq.shown import by_fields


@by_fields
class Series(NamedTuple):
    """A series, and which of its values are missing."""

    time: np.ndarray  # (T,) float64, in years; of read_series dates, or the numbers of its column
    values: np.ndarray  # (T,) float64
    missing: np.ndarray  # (T,) bool, whether the value was not measured


def noisy_sine(length: int = 1000, noise: float = 0.2, *, rng: Seed = None, dtype: Any = np.float32) -> np.ndarray:
    """Returns x_t = sin(0.01 t) + N(0, noise^2), t = 1 to length. Source: d2l, "Sequence Models".

    Args:
        length: T, at least 1.
        noise: the standard deviation.
        rng: a seed or a Generator.
        dtype: of the series.

    Raises:
        ValueError: for a negative noise or a length below 1.

    Example:
        >>> ns.data.noisy_sine(3, noise=0, dtype=float).round(4).tolist()
        [0.01, 0.02, 0.03]
    """
    length = amount("length", length)
    t = np.arange(1, length + 1)
    dtype = a_dtype(dtype, "f")
    noise = deviation("noise", noise, dtype)
    noisy: np.ndarray = (np.sin(0.01 * t) + generator(rng).normal(0, noise, length)).astype(dtype)
    return noisy


def lagged_windows(series: Array, lags: int) -> tuple[Array, Array]:
    """Returns windows (T - lags, lags) of a series, and the value (T - lags,) that follows each, as copies.

    windows[i] = series[i], ..., series[i + lags - 1] and target[i] = series[i + lags]: d2l's embedding with tau = lags.

    Args:
        series: an array (T,).
        lags: how many values a window holds.

    Raises:
        TypeError: for anything but an array.
        ValueError: for another rank, and a series of no more than `lags` values.

    Example:
        >>> windows, target = ns.data.lagged_windows(np.arange(5), lags=2)
        >>> windows.tolist(), target.tolist()
        ([[0, 1], [1, 2], [2, 3]], [2, 3, 4])
    """
    lags = integer("lags", lags)
    if array("series", series).ndim != 1 or len(series) <= lags:
        raise ValueError(f"series must have shape (T,) with T over lags = {lags}, got shape {series.shape}")
    xp = array_module(series)
    starts = xp.arange(len(series) - lags)
    return series[starts[:, None] + xp.arange(lags)], series[lags:].copy()


def load_sunspots() -> Series:
    """Returns the yearly sunspot numbers of 1700 to 2008: 309 values, none missing.

    Raises:
        FileNotFoundError: if the file is not in the folder that NPSEQ_DATA names.
        ConnectionError: if NPSEQ_DATA is not set, and the download fails.
        ValueError: if it is another file.

    Example:
        >>> ns.data.load_sunspots().values.shape  # doctest: +SKIP
        (309,)
    """
    years, values = _columns(SUNSPOTS.file, _rows(SUNSPOTS, ["YEAR", "SUNACTIVITY"]), _finite)
    if (gaps := np.isnan(values)).any():
        raise ValueError(f"{SUNSPOTS.file} must have a value in every year, {years[gaps][0]:.0f} has none")
    return Series(years, values, gaps)


def load_co2(missing: str) -> Series:
    """Returns CO2 at Mauna Loa, parts per million, weekly from March 1958 to December 2001: 2,284 weeks.

    Args:
        missing: what becomes of the 59 weeks without a reading. "interpolate": the straight line between the readings
            around them; "drop": they are left out, so that steps are no longer equal; "nan": not a number. There is no
            default, because each means something else. Series.missing marks them, also if they are interpolated.

    Raises:
        FileNotFoundError: if the file is not in the folder that NPSEQ_DATA names.
        ConnectionError: if NPSEQ_DATA is not set, and the download fails.
        ValueError: for another `missing`, or if it is another file.

    Example:
        >>> ns.data.load_co2(missing="drop").values.shape  # doctest: +SKIP
        (2225,)
    """
    if missing not in ("interpolate", "drop", "nan"):
        raise ValueError(f"missing must be 'interpolate', 'drop' or 'nan', got {missing!r}; 59 weeks have no reading")
    time, values = _columns(CO2.file, _rows(CO2, ["date", "co2"]), _year)
    gaps = np.isnan(values)
    if missing == "drop":
        return Series(time[~gaps], values[~gaps], gaps[~gaps])
    if missing == "interpolate":
        if gaps[0] or gaps[-1]:
            raise ValueError(f"{CO2.file} must begin and end with a reading to be interpolated; use missing='drop'")
        values[gaps] = np.interp(time[gaps], time[~gaps], values[~gaps])
    return Series(time, values, gaps)


def _rows(source: Source, header: list[str]) -> list[tuple[str, str]]:
    """Returns the rows of a file of two columns, as text; the first one is line 2 of the file."""
    name, remedy, path = source.file, f"it has {source.what}", path_of(source)
    first, *rows = [[part.strip('"') for part in line.split(",")] for line in lines_of(path, "a series")]
    if first != header:
        raise ValueError(f"{name} must begin with the columns {header}, got {first}; {remedy}")
    if bad := [k for k, row in enumerate(rows, start=2) if len(row) != 2]:
        raise ValueError(
            f"{name} must have 2 columns in each line, line {bad[0]} has {len(rows[bad[0] - 2])}; {remedy}"
        )
    if not rows:
        raise ValueError(f"{name} must have a line for each reading, it has none; {remedy}")
    return [(row[0], row[1]) for row in rows]


def _columns(name: str, rows: list[tuple[str, str]], time_of: Callable[[str], float]) -> tuple[np.ndarray, np.ndarray]:
    """Returns both columns as float64; the times must rise, and an empty reading is nan."""
    table = np.empty((len(rows), 2))
    for k, (time, value) in enumerate(rows):
        try:
            table[k] = time_of(time), _finite(value) if value else nan
        except ValueError as error:
            raise ValueError(f"{name} must hold {error}, got {','.join(rows[k])!r} in line {k + 2}") from error
        if k and not table[k, 0] > table[k - 1, 0]:
            raise ValueError(f"{name} must have its times in order, {time} in line {k + 2} follows {rows[k - 1][0]}")
    return table[:, 0].copy(), table[:, 1].copy()


def _finite(text: str) -> float:
    """Returns a number that is finite. Raises ValueError, with what must hold, for any other text."""
    if not fullmatch(r" *[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)? *", text) or not isfinite(float(text)):
        raise ValueError("finite numbers")
    return float(text)


def _year(day: str) -> float:
    """Returns a day as a number of years, 19580329 as 1958.24."""
    parts = fullmatch("([0-9]{4})([0-9]{2})([0-9]{2})", day)
    try:
        year, month, on = map(int, parts.groups() if parts else ())
        when, start, end = date(year, month, on), date(year, 1, 1), date(year + 1, 1, 1)
    except ValueError as error:
        raise ValueError("days as YYYYMMDD in its first column") from error
    return year + (when - start).days / (end - start).days
