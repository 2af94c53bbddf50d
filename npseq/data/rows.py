"""This module takes the rows of tables in memory: lists of rows or dicts, arrays, data frames of pandas and polars."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

NA = "pandas keeps words such as 'NA' by keep_default_na=False"


class Rows(NamedTuple):
    """Rows of cells, of which a missing one is None, and the names of their columns, or None."""

    names: tuple[str, ...] | None
    cells: list[list[Any]]
    source: str  # what they are from, in words


def rows_of(source: Any, what: str) -> Rows:
    """Returns the rows of a data frame, or of what yields lists, tuples or dicts.

    Raises TypeError for anything else, with what makes rows of it. what: a table is to be, for the errors.
    """
    for rows, options in (("itertuples", {"index": False}), ("iter_rows", {})):  # of pandas, of polars
        if hasattr(source, rows) and hasattr(source, "columns"):
            return Rows(tuple(map(str, source.columns)), _cells(getattr(source, rows)(**options)), "the data frame")
    by_itself = isinstance(source, Mapping | str | bytes) or not isinstance(source, Iterable)
    if by_itself or hasattr(source, "to_frame") or hasattr(source, "read"):
        raise _no_table(source, what)
    given = source.tolist() if isinstance(source, np.ndarray) and source.ndim else list(source)
    if is_dicts(given):
        names = tuple(given[0])
        return Rows(names, _cells([row.get(name) for name in names] for row in given), "the list")
    if not all(isinstance(row, list | tuple) for row in given):
        raise _no_table(given, what)
    if len(given) == 2 and len(given[0]) == len(given[1]) > (2 if isinstance(source, tuple) else 4):
        raise TypeError(
            f"{what} must be a list of rows, got two of {len(given[0])} cells; list(zip(*data)) makes rows of columns"
        )
    return Rows(None, _cells(given), "the list")


def is_dicts(source: Any) -> bool:
    """Whether it is a list of dicts, by name of column."""
    return isinstance(source, list | tuple) and bool(source) and all(isinstance(row, Mapping) for row in source)


def is_missing(cell: Any) -> bool:
    """Whether a cell holds nothing: None, nan, or the NaT and NA of pandas."""
    return cell is None or (not isinstance(cell, str) and str(cell) in ("nan", "NaT", "<NA>"))


def _cells(rows: Iterable[Iterable[Any]]) -> list[list[Any]]:
    return [[None if is_missing(cell) else cell for cell in row] for row in rows]


def _no_table(source: Any, what: str) -> TypeError:
    way = "of columns, list(zip(first, second)) makes rows"
    if isinstance(source, Mapping):
        way = _of_dict(source)
    elif hasattr(source, "read"):
        way = "give the path of a file, or what csv.reader makes of an open one"
    elif hasattr(source, "collect"):
        way = "of a lazy frame, frame.collect() makes a data frame"
    elif hasattr(source, "reset_index"):
        way = "of a column with an index, column.reset_index() makes a data frame"
    elif isinstance(source, list) and source and all(isinstance(row, str) for row in source):
        way = f"of lines, [line.split('\\t') for line in lines] makes rows; {way}"
    elif isinstance(source, list):
        bad = next(row for row in source if not isinstance(row, list | tuple))
        way = f"row {source.index(bad) + 1} is {bad!r:.60}" if source.count(bad) < len(source) else way
    return TypeError(f"{what} must be a path, a list of rows or a data frame, got {source!r:.100}; {way}")


def _of_dict(source: Mapping[Any, Any]) -> str:
    """What makes rows of a dict: of a table in it, as JSON has, of pairs, columns, or texts under their labels."""
    if (table := next((name for name, value in source.items() if is_dicts(value)), None)) is not None:
        return f"of a dict, data[{table!r}] has the rows"
    if is_dicts([*source.values()]):
        return "of a dict of dicts, list(data.values()) makes rows, or pandas.DataFrame(data) a data frame of columns"
    if not any(isinstance(value, list | tuple | np.ndarray) for value in source.values()):
        return "of a dict, list(data.items()) makes rows"
    groups = "[(cell, name) for name, cells in data.items() for cell in cells]"
    return f"of a dict, list(zip(*data.values())) makes rows of its columns, {groups} of texts under their labels"
