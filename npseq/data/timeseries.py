"""This module reads a series from a table: its values in the order of their dates, and what becomes of missing ones."""

import re
from collections.abc import Sequence
from contextlib import suppress
from numbers import Real
from os import PathLike
from typing import Any

import numpy as np

from npseq.arguments import one_of
from npseq.data.dates import dates_of, grid_of, joined
from npseq.data.rows import is_missing
from npseq.data.series import Series
from npseq.data.table import Table, read_table

GAPS = {"", "na", "n/a", "nan", "null", "none", "-", "?", ".", "#na", "#n/a", "<na>"}
PARTS = {".": r"[,\s'’]", ",": r"[.\s'’]"}  # what may part the thousands beside each decimal sign
NUMBERS = {
    sign: re.compile(rf"[-+]?([1-9]\d{{0,2}}({parts}\d{{3}})+|\d*)([{sign}]\d*)?([eE][-+]?\d+)?")
    for sign, parts in PARTS.items()
}
MISSING = ("refuse", "drop", "mask")


def read_series(
    source: str | PathLike[str] | Sequence[Any] | Any,
    *,
    column: str | int | None = None,
    date: str | int | Sequence[str | int] | None = None,
    where: dict[str | int, Any] | None = None,
    missing: str = "refuse",
    delimiter: str | None = None,
    decimal: str | None = None,
    date_format: str | None = None,
    header: bool | None = None,
) -> Series:
    """Returns a series of a CSV or TSV file, in the order of its dates, without pandas or with a data frame of it.

    Args:
        source: the file, which gzip may have packed; a list of rows; a data frame or a pandas Series; or the values
            alone, an array or a list.
        column: of the values, by name or place; None takes the only one of numbers beside the dates.
        date: the column of the dates, or of numbers that order the rows; several in a list, ["year", "month"] or
            ["day", "time"]; False if the rows are in order. None takes the first that holds dates, else the first if it
            holds whole numbers, each once, or rises; of pandas the index, unless it only counts the rows of a frame.
        where: only the rows that have these values in these columns, {"store": 25}, of a table of many series.
        missing: what becomes of empty cells, of NA, and of dates without a row where the others follow each other in
            equal steps. "refuse" refuses them; "drop" takes what is there, at whatever steps; "mask" has nan there:
            `SeriesForecaster` leaves them out of its loss.
        delimiter: of the columns; None finds it.
        decimal: "." or ","; None finds it, and refuses commas that may as well part thousands.
        date_format: as datetime.strptime takes it, say "%m/%d/%Y"; None tries the forms of ISO 8601, 31.12.1999,
            1999-12 and 1999-Q4. A time with a zone becomes that of UTC.
        header: whether the first row names the columns; None finds it.

    Raises:
        FileNotFoundError: if the file is missing.
        ValueError: for a value that is no number, a date that cannot be read, or a missing value, by its row; for steps
            that are not equal, unless `missing` is "drop"; for a table of several columns of numbers, without `column`.

    Example:
        >>> rows = [["2024-01-03", "2"], ["2024-01-01", "1,5"], ["2024-01-02", ""]]
        >>> series = ns.data.read_series(rows, missing="mask")
        >>> series.values.tolist(), str(series.time[0])
        ([1.5, nan, 2.0], '2024-01-01')
    """
    one_of("missing", missing, MISSING)
    if decimal is not None:
        one_of("decimal", decimal, tuple(PARTS))
    frame = source.to_frame() if hasattr(source, "to_frame") else _as_rows(source)
    wanted = (column, *(date if isinstance(date, list | tuple) else (date,)), *(where or ()))
    table = read_table(frame, delimiter=delimiter, header=header, wanted=wanted, what="a table of a series")
    if date is None and (index := _index(source)) is not None:
        date = len(table.rows[0])
        table = table._replace(rows=[[*row, day] for row, day in zip(table.rows, index, strict=True)])
    table = table.having(where or {})
    if isinstance(date, list | tuple):
        table, date = _with_joined(table, date), len(table.rows[0])
    of_date = _place_of_dates(table, column, date, date_format)
    at = _place_of_values(table, column, of_date)
    values = _numbers([row[at] for row in table.rows], decimal, table)
    if of_date is None:
        return _handled(np.arange(len(values), dtype=np.float64), values, missing, table.source)
    dates = dates_of([row[of_date] for row in table.rows], date_format, table)
    order = np.argsort(dates, kind="stable")
    if (same := np.flatnonzero(dates[order][1:] == dates[order][:-1])).size:
        raise ValueError(
            f"a series must have one value a date, {table.source} has {dates[order][same[0]]} twice; leave the "
            "rows of one series, where={name of a column: its value}, say which columns are the date, date=['year', "
            "'month'], or give a list of rows with one of these, or their mean"
        )
    return _handled(dates[order], values[order], missing, table.source)


def _as_rows(source: Any) -> Any:
    """The values of an array (T,), or a list of numbers and of None, each as a row; anything else as it is."""
    values = source.tolist() if isinstance(source, np.ndarray) and source.ndim == 1 else source
    alone = isinstance(source, list | tuple) and all(is_missing(x) or isinstance(x, Real) for x in source)
    return [[x] for x in values] if alone or values is not source else source


def _with_joined(table: Table, columns: Sequence[str | int]) -> Table:
    """The table with a last column of dates, made of several."""
    places = [table.place(name, 0, "date") for name in columns]
    names = [str(place) if table.names is None else table.names[place] for place in places]
    rows = [[*row, joined([row[place] for place in places], names)] for row in table.rows]
    return table._replace(rows=rows, names=None if table.names is None else (*table.names, " ".join(names)))


def _place_of_dates(table: Table, column: Any, date: Any, date_format: str | None) -> int | None:
    """Returns the column of dates: the one that is named, the first that holds dates, or the first; None of one."""
    width = len(table.rows[0])
    if date is False or (date is None and width == 1):
        return None
    if date is not None:
        return table.place(date, 0, "date")
    taken = None if column is None else table.place(column, 0, "column")
    others = [k for k in range(width) if k != taken]
    for k in others:
        with suppress(ValueError):
            if dates_of([row[k] for row in table.rows], date_format, table).dtype.kind == "M":
                return k
    dates = dates_of([row[others[0]] for row in table.rows], date_format, table)
    whole = not (dates % 1).any() and len(set(dates.tolist())) == len(dates)
    if not whole and not (np.diff(dates) > 0).all():
        name = others[0] if table.names is None else table.names[others[0]]
        raise ValueError(
            f"date must be named where no column holds dates, of {table.source} the first other one, {name!r}, does "
            "not rise; give date=..., several as ['year', 'quarter'], or date=False if the rows are in order"
        )
    return others[0]


def _place_of_values(table: Table, column: Any, of_date: int | None) -> int:
    """Returns the column of values: the one that is named, or the only one whose cells are numbers."""
    if column is not None:
        return table.place(column, 0, "column")
    others = [k for k in range(len(table.rows[0])) if k != of_date]
    found = [k for k in others if all(_like_number(row[k]) for row in table.rows[:100])]
    if len(found) > 1:
        names = found if table.names is None else [table.names[k] for k in found]
        raise ValueError(f"column must be named, {table.source} has several of numbers: {', '.join(map(repr, names))}")
    return found[0] if found else others[-1]


def _like_number(cell: Any) -> bool:
    if is_missing(cell) or not isinstance(cell, str):
        return is_missing(cell) or (hasattr(cell, "__float__") and not isinstance(cell, bool | np.bool_))
    return cell.strip().lower() in GAPS or any(form.fullmatch(cell.strip()) for form in NUMBERS.values())


def _index(source: Any) -> Any:
    """The dates of a pandas Series or data frame; None where the index of a frame only counts its rows."""
    index = getattr(source, "index", None)
    counts = hasattr(source, "columns") and type(index).__name__ == "RangeIndex"
    return None if isinstance(source, Sequence) or counts else index


def _handled(dates: np.ndarray, values: np.ndarray, missing: str, source: str) -> Series:
    if missing != "drop":
        dates, values = _at_equal_steps(dates, values, missing, source)
    gaps = np.isnan(values)
    if gaps.any() and missing == "refuse":
        raise ValueError(
            f"a series must have a value at every step, {source} has none at {dates[gaps][0]} and {int(gaps.sum())} in "
            "all; say what becomes of them: missing='drop' or missing='mask'"
        )
    kept = ~gaps if missing == "drop" else slice(None)
    return Series(dates[kept], values[kept], gaps[kept])


def _at_equal_steps(dates: np.ndarray, values: np.ndarray, missing: str, source: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns both with nan where a date has no row."""
    if (grid := grid_of(dates)) is None:
        steps = np.diff(dates)
        raise ValueError(
            f"dates must follow each other in equal steps, those of {source} are {steps.min()} to {steps.max()} apart; "
            "missing='drop' takes them as equal"
        )
    if missing == "refuse" and len(grid.dates) > len(dates):
        absent = np.delete(grid.dates, grid.at)
        raise ValueError(
            f"a series must have a row at every step, {source} has none for {absent[0]} and {len(absent)} in all; "
            "missing='mask' has a missing value there, missing='drop' takes the rows as equal steps"
        )
    found = np.full(len(grid.dates), np.nan)
    found[grid.at] = values
    return grid.dates, found


def _numbers(cells: list[Any], decimal: str | None, table: Table) -> np.ndarray:
    found = np.full(len(cells), np.nan)
    cells = [cell.strip() if isinstance(cell, str) else cell for cell in cells]
    known = [(k, cell) for k, cell in enumerate(cells) if not is_missing(cell) and str(cell).lower() not in GAPS]
    texts = [cell for _, cell in known if isinstance(cell, str)]
    sign = _decimal_sign(texts, table.source) if decimal is None else decimal
    for k, cell in known:
        try:
            found[k] = _number(cell, sign) if isinstance(cell, str) else float(cell)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"a series must hold numbers, {table.at(k)} has {cell!r}; name the column, or the decimal sign"
            ) from error
        if not np.isfinite(found[k]):
            raise ValueError(f"a series must hold finite numbers, {table.at(k)} has {cell!r}")
    return found


def _decimal_sign(texts: list[str], source: str) -> str:
    """The sign by which all texts are numbers, a point where no comma is there."""
    commas = [text for text in texts if "," in text]
    fitting = [sign for sign, form in NUMBERS.items() if all(map(form.fullmatch, texts))] if commas else ["."]
    if len(fitting) == 2:
        raise ValueError(
            f"a comma must be a decimal sign or part thousands, {source} has {commas[0]!r}; say decimal=',' or "
            "decimal='.'"
        )
    return fitting[0] if fitting else "."


def _number(text: str, decimal: str) -> float:
    if NUMBERS[decimal].fullmatch(text):
        return float(re.sub(PARTS[decimal], "", text).replace(decimal, "."))
    if decimal != "." and "." in text:
        raise ValueError("a point that parts no thousands")
    return float(text)
