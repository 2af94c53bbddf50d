"""This module reads tables: CSV and TSV files, lists of rows, and data frames, which have `columns`."""

import csv
from collections.abc import Iterable, Sequence
from os import PathLike
from typing import Any, NamedTuple

from npseq.data.reading import lines_of

DELIMITERS = "\t;|,"  # the likelier first: a comma may be that of a number


class Table(NamedTuple):
    """Rows of cells, all of one length, and the names of their columns, or None."""

    names: tuple[str, ...] | None
    rows: list[list[Any]]
    source: str  # what it was read from, in words
    is_list: bool = False  # a list of rows, not a file or a data frame

    def column(self, name: str | int | None, usual: int, what: str) -> list[Any]:
        """Returns the cells of a column, by name or place; None takes the usual place. Raises ValueError without it."""
        return [row[self.place(name, usual, what)] for row in self.rows]

    def place(self, name: str | int | None, usual: int, what: str) -> int:
        width = len(self.rows[0])
        if name is None:
            name = usual
        if isinstance(name, str):
            if self.names is None or name not in self.names:
                known = f"they are {', '.join(map(repr, self.names))}" if self.names else "there is no header"
                raise ValueError(f"{what} must name a column of {self.source}, got {name!r}; {known}")
            return self.names.index(name)
        if not -width <= name < width:
            raise ValueError(f"{what} must be one of the {width} columns of {self.source}, got {name}")
        return name % width

    def having(self, where: dict[str | int, Any]) -> "Table":
        """Returns the rows whose cells in these columns are these values. Raises ValueError if there is none."""
        rows = self.rows
        for name, value in where.items():
            place, before = self.place(name, 0, "where"), rows
            rows = [row for row in rows if str(row[place]).strip() == str(value)]
            if not rows:
                has = ", ".join(map(repr, sorted({str(row[place]).strip() for row in before})[:9]))
                raise ValueError(f"where must leave a row of {self.source}, {name!r} is never {value!r}; it has {has}")
        return self._replace(rows=rows)


def read_table(
    source: Any, *, delimiter: str | None = None, header: bool | None = None, what: str = "a table"
) -> Table:
    """Returns the table of a file, a list of rows or a data frame.

    delimiter: of a file; None takes a tab for .tsv, else the most frequent of , ; tab | in the first line. header:
    whether the first row of a file names the columns; None says that it does if none of its cells is a number or is
    empty, and those below it are not all texts.

    Raises:
        ValueError: for no rows, or rows of different lengths, with the line.
    """
    if hasattr(source, "columns") and hasattr(source, "itertuples"):
        rows = _cells(source.itertuples(index=False))
        return _checked(Table(tuple(map(str, source.columns)), rows, "the data frame"), what)
    if isinstance(source, str | PathLike):
        lines = lines_of(source, what)
        rows = _split(lines, delimiter or _delimiter(str(source), lines))
        table = Table(None, rows, f"the file {str(source)!r}")
        return _checked(_with_header(table, header), what)
    if not isinstance(source, Sequence) or not all(isinstance(row, list | tuple) for row in source):
        raise TypeError(f"{what} must be a path, a list of rows or a data frame, got {source!r:.100}")
    return _checked(Table(None, _cells(source), "the list", True), what)


def _cells(rows: Iterable[Iterable[Any]]) -> list[list[Any]]:
    return [[None if is_missing(cell) else cell for cell in row] for row in rows]


def is_missing(cell: Any) -> bool:
    """Whether a cell holds nothing: None, nan, or the NaT and NA of pandas."""
    return cell is None or str(cell) in ("nan", "NaT", "<NA>")


def _delimiter(path: str, lines: list[str]) -> str:
    if path.removesuffix(".gz").endswith(".tsv"):
        return "\t"
    return max(DELIMITERS, key=lambda sign: (lines[0].count(sign), -DELIMITERS.index(sign)))


def _split(lines: list[str], delimiter: str) -> list[list[str]]:
    """Returns the cells of lines; a cell in quotes may hold the delimiter, and line ends, but not in a TSV."""
    if delimiter == "\t":
        return [line.split("\t") for line in lines if line.strip()]
    return [row for row in csv.reader([f"{line}\n" for line in lines], delimiter=delimiter) if any(map(str.strip, row))]


def _with_header(table: Table, header: bool | None) -> Table:
    first = table.rows[0] if table.rows else []
    if header is None:
        numbers = [any(_is_number(row[k]) for row in table.rows[1:50] if k < len(row)) for k in range(len(first))]
        header = len(table.rows) > 1 and any(numbers) and all(c.strip() and not _is_number(c) for c in first)
    return table._replace(names=tuple(cell.strip() for cell in first), rows=table.rows[1:]) if header else table


def _is_number(cell: str) -> bool:
    try:
        float(cell.strip().replace(",", "."))
    except ValueError:
        return False
    return True


def _checked(table: Table, what: str) -> Table:
    if not table.rows:
        raise ValueError(f"{what} must hold at least one row, {table.source} has none")
    width = len(table.rows[0]) if table.names is None else len(table.names)
    if bad := [k for k, row in enumerate(table.rows, 1) if len(row) != width]:
        raise ValueError(
            f"{what} must have {width} cells in each row, row {bad[0]} of {table.source} has "
            f"{len(table.rows[bad[0] - 1])}; name the delimiter"
        )
    return table
