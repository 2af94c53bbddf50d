"""This module reads tables: CSV and TSV files, lists of rows, and data frames, which have `columns`."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from os import PathLike
from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import flag
from npseq.arguments import text as a_text
from npseq.data.delimited import rows_of_lines
from npseq.data.header import is_empty, is_header
from npseq.data.reading import lines_of
from npseq.data.rows import NA, rows_of

SEVERAL = "fit(texts, targets) with loss='binary' learns several"
LISTS = (list, tuple, set, dict, np.ndarray, bytes)  # cells that are no text


class Table(NamedTuple):
    """Rows of cells, all of one length, and the names of their columns, or None."""

    names: tuple[str, ...] | None
    rows: list[list[Any]]
    source: str  # what it was read from, in words
    is_list: bool = False  # a list of rows, not a file or a data frame
    lines: tuple[int, ...] = ()  # of a file, in which line each row begins

    def at(self, k: int) -> str:
        """Returns where a row is, in words."""
        return f"line {self.lines[k]} of {self.source}" if self.lines else f"row {k + 1} of {self.source}"

    def of(self, places: Iterable[int]) -> "Table":
        """Returns the rows of these places."""
        kept = list(places)
        lines = tuple(self.lines[k] for k in kept) if self.lines else ()
        return self._replace(rows=[self.rows[k] for k in kept], lines=lines)

    def named(self) -> "Table":
        """Returns the table whose columns have the names that are in its first row."""
        return self.of(range(1, len(self.rows)))._replace(names=tuple(str(cell).strip() for cell in self.rows[0]))

    def column(self, name: str | int | None, usual: int, what: str) -> list[Any]:
        """Returns the cells of a column, by name or place; None takes the usual place. Raises ValueError without it."""
        return [row[self.place(name, usual, what)] for row in self.rows]

    def place(self, name: Any, usual: int, what: str) -> int:
        width = len(self.rows[0])
        if name is None:
            name = usual
        if isinstance(name, bool) or not isinstance(name, str | int | np.integer):
            way = f"; {SEVERAL}" if what == "label" else ""
            raise TypeError(f"{what} must be the name or the place of one column of {self.source}, got {name!r}{way}")
        if isinstance(name, str):
            if self.names is None or name not in self.names:
                known = f"they are {', '.join(map(repr, self.names))}" if self.names else "there is no header"
                raise ValueError(f"{what} must name a column of {self.source}, got {name!r}; {known}")
            return self.names.index(name)
        if not -width <= name < width:
            raise ValueError(f"{what} must be one of the {width} columns of {self.source}, got {name}")
        return int(name) % width

    def having(self, where: dict[str | int, Any]) -> "Table":
        """Returns the rows whose cells in these columns are these values. Raises ValueError if there is none."""
        table = self
        for name, value in where.items():
            place, before = table.place(name, 0, "where"), table
            table = before.of(k for k, row in enumerate(before.rows) if str(row[place]).strip() == str(value))
            if not table.rows:
                has = ", ".join(map(repr, sorted({str(row[place]).strip() for row in before.rows})[:9]))
                raise ValueError(f"where must leave a row of {self.source}, {name!r} is never {value!r}; it has {has}")
        return table

    def inside(self, at: int, k: int = 0) -> str:
        """Returns how one takes what a cell holds if that is a dict, else ""."""
        cell = self.rows[k][at]
        name = at if self.names is None else self.names[at]
        return f"[row[{name!r}] for row in data] has the columns {[*cell]}" if isinstance(cell, Mapping) else ""

    def _one_each(self, at: int, wanted: Iterable[int]) -> str:
        """Returns how cells that hold several whole texts, not tokens, become as many rows, if they do, else ""."""
        lists = [getattr(row[at], "flat", row[at]) for row in self.rows if isinstance(row[at], LISTS)]
        if not any(isinstance(text, str) and len(text.split()) > 1 for cell in lists for text in cell):
            return ""
        names = self.names if self.names and not self.is_list else range(len(self.rows[0]))
        if self.source == "the data frame":
            return f"frame.explode({names[at]!r}) makes a row for each text"
        row = ", ".join("text" if place == at else f"row[{names[place]!r}]" for place in wanted)
        return f"[({row}) for row in data for text in row[{names[at]!r}]] makes a row for each text"

    def check_two_columns(self, what: str, pair: str) -> None:
        """Raises ValueError for one column, with where the other may be. pair: the two, in words."""
        if len(self.rows[0]) < 2:
            way = f"give a list of {pair}" if self.is_list else "an index becomes a column by reset_index()"
            way = f"name the delimiter, or give a list of {pair}" if self.lines else self.inside(0) or way
            raise ValueError(f"{what} must have two columns, {self.source} has one; {way}")

    def filled(self, columns: dict[str, int], missing: str) -> "Table":
        """Returns the table, of which missing="drop" leaves out the rows that have nothing in one of these columns.

        Raises:
            TypeError: for a cell there that is a list.
            ValueError: for such a row if missing is "refuse", and if nothing is left.
        """
        for what, at in columns.items():
            if (k := next((k for k, row in enumerate(self.rows) if isinstance(row[at], LISTS)), None)) is not None:
                way = SEVERAL if what == "label" else self._one_each(at, columns.values()) or "' '.join(tokens)"
                way = "decode() it" if isinstance(self.rows[k][at], bytes) else self.inside(at, k) or way
                raise TypeError(f"a {what} must be one string, {self.at(k)} has {self.rows[k][at]!r:.60}; {way}")
        empty = {k: what for k, row in enumerate(self.rows) for what, at in columns.items() if is_empty(row[at])}
        if empty and missing == "refuse":
            k, what = next(iter(empty.items()))
            words = "" if self.lines or self.is_list else f"; {NA}"
            raise ValueError(
                f"a row must have a {what}, {self.at(k)} has none; leave out all such rows by missing='drop'{words}"
            )
        if len(empty) == len(self.rows):
            raise ValueError(f"a row must have a {' and a '.join(columns)}, {self.source} has none")
        return self.of(k for k in range(len(self.rows)) if k not in empty)


def read_table(
    source: Any,
    *,
    delimiter: str | None = None,
    header: bool | None = None,
    wanted: Iterable[Any] = (),
    headings: Collection[str] = (),
    ragged: bool = False,
    what: str = "a table",
) -> Table:
    """Returns the table of a file, a list of rows or of dicts, or a data frame.

    delimiter: of a file, a character, or several, beside which no quotes are read; None takes a tab for .tsv, else the
    one of , ; tab | ||| ::: that cuts the first lines alike. header: whether the first row of a file or a list names
    the columns; None says that it does if a column that is wanted is a name, or all of its cells are among `headings`;
    of a file also if none of them is a number or, but for the first, is empty, and those below it are not all texts, or
    the first alone is empty, as above an index. ragged: whether rows of a TSV may differ in length; shorter ones get
    empty cells.

    Raises:
        ValueError: for no rows, or rows of different lengths, with the line.
    """
    header = None if header is None else flag("header", header)
    named = header is None and any(isinstance(column, str) for column in wanted)
    if isinstance(source, str | PathLike):
        lines = lines_of(source, what)
        if delimiter is not None and not a_text("delimiter", delimiter):
            raise ValueError(f"delimiter must be a character, or several, got {delimiter!r}")
        rows, sign = rows_of_lines(str(source), lines, delimiter, what)
        table = Table(
            None, [cells for _, cells in rows], f"the file {str(source)!r}", lines=tuple(at for at, _ in rows)
        )
        return _checked(_with_header(table, named or header, headings), what, sign, ragged and sign == "\t")
    given = rows_of(source, what)
    if delimiter is not None:
        raise ValueError(f"delimiter belongs to a file, {given.source} has cells, got {delimiter!r}; leave it out")
    if header is not None and given.names is not None:
        raise ValueError(f"header belongs to rows without names, {given.source} has them, got {header!r}; leave it out")
    table = Table(given.names, given.cells, given.source, given.names is None)
    return _checked(table if table.names else _with_header(table, named or header, headings), what)


def no_options(of: str, here: str, **given: Any) -> None:
    """Raises ValueError for an option that is given and belongs to other data than those here, in words."""
    if odd := [name for name, value in given.items() if value is not None]:
        raise ValueError(f"{odd[0]} belongs to {of}, got it beside {here}; leave it out")


def _with_header(table: Table, header: bool | None, headings: Collection[str]) -> Table:
    if header is None:
        header = is_header(table.rows, headings, of_file=not table.is_list)
    return table.named() if header and table.rows else table


def _odd(table: Table) -> str:
    """Says how many cells most rows have, and which has others."""
    usual = Counter(map(len, table.rows)).most_common(1)[0][0]
    if table.names is not None and len(table.names) != usual:
        return f"{usual} cells in each row, the first of {table.source} has {len(table.names)}, {table.names[0]!r:.60}"
    k = next(k for k, row in enumerate(table.rows) if len(row) != usual)
    return f"{usual} cells in each row, {table.at(k)} has {len(table.rows[k])}"


def _checked(table: Table, what: str, sign: str = "", ragged: bool = False) -> Table:
    if not table.rows:
        raise ValueError(f"{what} must hold at least one row, {table.source} has none")
    width = len(table.rows[0]) if table.names is None else len(table.names)
    if ragged:
        width = max(width, *map(len, table.rows))
        names = table.names and (*table.names, *[""] * (width - len(table.names)))
        return table._replace(names=names, rows=[[*row, *[""] * (width - len(row))] for row in table.rows])
    table = table._replace(
        rows=[row if any(not is_empty(c) for c in row[width:]) else row[:width] for row in table.rows]
    )
    if any(len(row) != width for row in table.rows):
        way = "name the delimiter, put quotes around cells that hold it, or leave out lines that are no rows"
        way += f"; [line.rsplit({sign!r}, 1) for line in file] cuts each at the last" if width == 2 else ""
        raise ValueError(f"{what} must have {_odd(table)}; {way if table.lines else 'an empty cell is None'}")
    return table
