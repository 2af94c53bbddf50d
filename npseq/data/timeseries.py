"""This module reads a series from a table: its values in the order of their dates, and what becomes of missing ones."""

import re
from collections.abc import Sequence
from datetime import datetime
from os import PathLike
from typing import Any

import numpy as np

from npseq.arguments import one_of
from npseq.data.series import Series
from npseq.data.table import Table, read_table

FORMS = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d.%m.%Y", "%Y-%m", "%Y/%m", "%b-%y", "%b %Y", "%Y-%m-%d %H:%M:%S",
         "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M")  # fmt: skip
GAPS = {"", "na", "n/a", "nan", "null", "none", "-", "?", "."}
THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+")
MISSING = ("refuse", "drop", "mask")


def read_series(
    source: str | PathLike[str] | Sequence[Any] | Any,
    *,
    column: str | int | None = None,
    date: str | int | None = None,
    where: dict[str | int, Any] | None = None,
    missing: str = "refuse",
    delimiter: str | None = None,
    decimal: str | None = None,
    date_format: str | None = None,
    header: bool | None = None,
) -> Series:
    """Returns a series of a CSV or TSV file, in the order of its dates, without pandas or with a data frame of it.

    Args:
        source: the file, which gzip may have packed; a list of rows; a data frame; or the values alone, a pandas
            Series, whose index are the dates, or an array.
        column: of the values, by name or place; None takes the last one.
        date: the column of the dates, or of numbers that rise; None takes the first one if there are two or more.
        where: only the rows that have these values in these columns, {"store": 25}, of a table of many series.
        missing: what becomes of empty cells and NA. "refuse" refuses them; "drop" leaves the rows out, so that steps
            are no longer equal; "mask" keeps them as nan: `SeriesForecaster` leaves them out of its loss.
        delimiter: of the columns; None finds it.
        decimal: "." or ","; None finds it, and refuses commas that may as well part thousands.
        date_format: as datetime.strptime takes it, say "%m/%d/%Y"; None tries the forms of ISO 8601, and 31.12.1999.
        header: whether the first row names the columns; None finds it.

    Raises:
        FileNotFoundError: if the file is missing.
        ValueError: for a value that is no number, a date that cannot be read, or a missing value, by its row.

    Example:
        >>> rows = [["2024-01-03", "2"], ["2024-01-01", "1,5"], ["2024-01-02", ""]]
        >>> series = ns.data.read_series(rows, missing="mask")
        >>> series.values.tolist(), str(series.time[0])
        ([1.5, nan, 2.0], '2024-01-01')
    """
    one_of("missing", missing, MISSING)
    if hasattr(source, "index") and hasattr(source, "to_numpy") and not hasattr(source, "columns"):
        time, values = np.asarray(source.index), np.asarray(source.to_numpy(), np.float64)
        return _handled(time, values, missing, "the series")
    if isinstance(source, np.ndarray) and source.ndim == 1:
        return _handled(np.arange(len(source), dtype=np.float64), source.astype(np.float64), missing, "the array")
    if header is None and any(isinstance(name, str) for name in (column, date, *(where or ()))):
        header = True
    table = read_table(source, delimiter=delimiter, header=header, what="a table of a series").having(where or {})
    cells = table.column(column, len(table.rows[0]) - 1, "column")
    values = _numbers(cells, decimal, table)
    if date is None and len(table.rows[0]) == 1:
        return _handled(np.arange(len(values), dtype=np.float64), values, missing, table.source)
    time = _times(table.column(date, 0, "date"), date_format, table)
    order = np.argsort(time, kind="stable")
    if (same := np.flatnonzero(time[order][1:] == time[order][:-1])).size:
        raise ValueError(
            f"a series must have one value a date, {table.source} has {time[order][same[0]]} twice; leave the "
            "rows of one series: where={name of a column: its value}"
        )
    return _handled(time[order], values[order], missing, table.source)


def _handled(time: np.ndarray, values: np.ndarray, missing: str, source: str) -> Series:
    gaps = np.isnan(values)
    if gaps.any() and missing == "refuse":
        raise ValueError(
            f"a series must have a value at every step, {source} has none at {time[gaps][0]} and {int(gaps.sum())} in "
            "all; say what becomes of them: missing='drop' or missing='mask'"
        )
    kept = ~gaps if missing == "drop" else slice(None)
    return Series(time[kept], values[kept], gaps[kept])


def _numbers(cells: list[Any], decimal: str | None, table: Table) -> np.ndarray:
    found = np.empty(len(cells))
    comma = decimal == "," or (decimal is None and _has_decimal_commas(cells, table.source))
    for k, cell in enumerate(cells):
        if isinstance(cell, str):
            text = cell.strip()
            text = text.replace(".", "").replace(",", ".") if comma else text.replace(",", "")
            if text.lower() in GAPS:
                found[k] = np.nan
                continue
            cell = text
        try:
            found[k] = np.nan if cell is None else float(cell)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"a series must hold numbers, row {k + 1} of {table.source} has {cells[k]!r}; name the column, or the "
                "decimal sign"
            ) from error
        if np.isinf(found[k]):
            raise ValueError(f"a series must hold finite numbers, row {k + 1} of {table.source} has {cells[k]!r}")
    return found


def _has_decimal_commas(cells: list[Any], source: str) -> bool:
    texts = [cell.strip() for cell in cells if isinstance(cell, str) and "," in cell]
    if not texts or any("." in cell for cell in cells if isinstance(cell, str)):
        return False
    if not all(THOUSANDS.fullmatch(text) for text in texts):
        return True
    if all(text.count(",") == 1 for text in texts):
        raise ValueError(
            f"a comma must be a decimal sign or part thousands, {source} has {texts[0]!r}; say decimal=',' or "
            "decimal='.'"
        )
    return False


def _times(cells: list[Any], date_format: str | None, table: Table) -> np.ndarray:
    """Returns dates as datetime64, or numbers that are no dates as they are."""
    if not all(isinstance(cell, str) for cell in cells):
        return np.asarray(cells)
    texts = [cell.strip() for cell in cells]
    for form in FORMS if date_format is None else (date_format,):
        try:
            moments = [datetime.strptime(text, form) for text in texts]
        except ValueError:
            continue
        days = all(moment == datetime(moment.year, moment.month, moment.day) for moment in moments)
        return np.array(moments, "datetime64[D]" if days else "datetime64[s]")
    try:
        return np.array([float(text) for text in texts])
    except ValueError as error:
        bad = next((text for text in texts if not text[:1].isdigit()), texts[0])
        raise ValueError(
            f"dates must be of one form, as 1999-12-31, 31.12.1999 or a number, {table.source} has {bad!r}; give "
            "date_format, say '%m/%d/%Y', or another column as date"
        ) from error
