"""This module reads the dates of a series, and finds the equal steps between them."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, time
from typing import Any, NamedTuple

import numpy as np

from npseq.data.rows import is_missing
from npseq.data.table import Table

FORMS = (
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%Y-%m",
    "%Y/%m",
    "%b-%y",
    "%b %Y",
    "%B %Y",
    "%Y %b",
    "%b %d %Y",
    "%b-%d-%Y",
    "%d %b %Y",
    "%d-%b-%Y",
)  # and those of datetime.fromisoformat
QUARTER = re.compile(r"(\d{4})[- ]?Q([1-4])")
FEW = 4  # dates, below which nothing is concluded from the steps between them


def dates_of(cells: list[Any], date_format: str | None, table: Table) -> np.ndarray:
    """Returns dates as datetime64, or numbers that are no dates as they are."""
    cells = [cell.strip() if isinstance(cell, str) else cell for cell in cells]
    if empty := [k for k, cell in enumerate(cells) if cell == "" or is_missing(cell)]:
        raise ValueError(f"a series must have a date in each row, {table.at(empty[0])} has none")
    for form in (None, *FORMS) if date_format is None else (date_format,):
        with suppress(AttributeError, TypeError, ValueError):
            moments = [_moment(_read(cell, form) if isinstance(cell, str) else cell) for cell in cells]
            unit = "us" if any(moment.microsecond for moment in moments) else "s"
            days = all(moment.time() == time() for moment in moments)
            return np.array(moments, f"datetime64[{'D' if days else unit}]")
    with suppress(TypeError, ValueError):
        if date_format is None:
            return np.array([float(cell) for cell in cells])
    bad = next((k for k, cell in enumerate(cells) if not str(cell)[:1].isdigit()), 0)
    named = "" if bad or table.names else ", header=True if the first row names the columns"
    raise ValueError(
        f"dates must be of one form, {date_format or 'as 1999-12-31, 31.12.1999 or a number'}, {table.at(bad)} has "
        f"{cells[bad]!r}; give date_format, say '%m/%d/%Y', another column as date, date=False if the rows are in "
        f"order{named}"
    )


def joined(parts: Sequence[Any], names: Sequence[str]) -> str:
    """Returns the date of cells of several columns: year, and month or quarter, and day; or of a day and a time."""
    texts = [re.sub(r"^(\d+)\.0*$", r"\1", str(part).strip()) for part in parts]
    if not all(text.isdigit() for text in texts):
        return " ".join(texts)
    if len(texts) == 2 and names[1].lower().startswith("q"):
        return f"{texts[0]}-Q{texts[1]}"
    return "-".join(text.zfill(2) for text in texts)


def _read(text: str, form: str | None) -> datetime:
    """The moment of a text in a form, or in one of ISO 8601, or of a quarter."""
    if form is not None:
        return datetime.strptime(text, form)
    if quarter := QUARTER.fullmatch(text):
        return datetime(int(quarter[1]), 3 * int(quarter[2]) - 2, 1)
    return datetime.fromisoformat(text.replace("/", "-"))


def _moment(cell: Any) -> datetime:
    """A date, a moment, also NumPy's, or a period of pandas, as a moment without a zone."""
    cell = cell.to_timestamp() if hasattr(cell, "to_timestamp") else cell
    cell = cell.astype("datetime64[us]").item() if isinstance(cell, np.datetime64) else cell
    moment = cell if isinstance(cell, datetime) else datetime(cell.year, cell.month, cell.day)
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


class Grid(NamedTuple):
    """Dates at equal steps, some of which have rows."""

    dates: np.ndarray  # (N,) all of them
    at: np.ndarray  # (T,) the places of those that have rows


def grid_of(dates: np.ndarray) -> Grid | None:
    """Returns the grid on which most dates follow each other, None if there is none.

    Its step is of months, of days from Monday to Friday, or of time; of numbers that are not whole, each is the next.

    Args:
        dates: (T,), in order, none twice.
    """
    if len(dates) < FEW or (dates.dtype.kind == "f" and (dates % 1).any()):
        return Grid(dates, np.arange(len(dates)))
    for count, back in _counts(dates):
        steps, often = np.unique(np.diff(count), return_counts=True)
        if 2 * often[0] > len(count) - 1 and not (steps % steps[0]).any():
            return Grid(back(np.arange(count[0], count[-1] + 1, steps[0])), (count - count[0]) // steps[0])
    return None


def _counts(dates: np.ndarray) -> Iterator[tuple[np.ndarray, Any]]:
    """Dates as whole numbers, by each way to count them, and the way back."""
    if dates.dtype == "datetime64[D]":
        months = dates.astype("datetime64[M]")
        days = dates - months.astype("datetime64[D]")
        if (days == days[0]).all():
            yield months.astype(int), lambda count: count.astype("datetime64[M]").astype("datetime64[D]") + days[0]
        if (dates + 1 == (months + 1).astype("datetime64[D]")).all():
            yield months.astype(int), lambda count: (count.astype("datetime64[M]") + 1).astype("datetime64[D]") - 1
        if np.is_busday(dates).all():
            yield np.busday_count(dates[0], dates), lambda count: np.busday_offset(dates[0], count)
    yield dates.astype(np.int64), lambda count: count.astype(dates.dtype)
