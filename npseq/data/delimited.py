"""This module reads files of CSV and TSV: what parts their columns, and the cells of each row."""

import csv
import json
import re
from collections import Counter
from contextlib import suppress

DELIMITERS = ("\t", ";", "|||", ":::", "|", ",")  # the likelier first: a comma may be that of a number, or of a text
SEPARATOR = re.compile("sep=(.)")  # the first line of some files of Excel
DECLARED = re.compile("#(separator|html|columns|tags|deck|notetype|guid|(tags|deck|notetype|guid) column):.*")  # Anki's
OF_R = re.compile(r'"(?:[^"]|""|\\")*"|[-+.e\d]*|NA|TRUE|FALSE')  # a cell of a TSV that R writes
OF_EXCEL = re.compile(r'"(?:[^"]|"")*(?:[,;]|"")(?:[^"]|"")*"|[^",]*')  # and of Excel's, whose quotes have a reason
FIRST = 50  # lines by which the delimiter is found

Numbered = list[tuple[int, list[str]]]  # the line in which each row begins, and its cells


def rows_of_lines(path: str, lines: list[str], delimiter: str | None, what: str) -> tuple[Numbered, str]:
    """Returns the rows of the lines of a file, and what parts their cells. what: the rows are to be, for the errors.

    Raises ValueError for JSON, and for quotes that are not closed.
    """
    check_no_json(path, lines, what)
    if said := SEPARATOR.fullmatch(lines[0]):
        delimiter, lines = delimiter or said[1], ["", *lines[1:]]
    lines = _without_declarations(lines)
    sign = delimiter or delimiter_of(path, lines)
    try:
        rows = _split(lines, sign)
    except csv.Error as error:
        raise ValueError(
            f"{what} must have quotes closed, and doubled inside of a cell; the file {path!r}: {error}; a list of rows "
            f"does as well, [line.split({sign!r}) for line in file]; if another sign parts them, name it as delimiter"
        ) from error
    rows = [(line, [cell.strip(" ") for cell in cells]) for line, cells in rows]  # "a | b" as "a|b"
    if _is_of_r(rows):
        rows[0][1].insert(0, "")
    return _without_empty_end(rows), sign


def _without_empty_end(rows: Numbered) -> Numbered:
    """Returns rows without the last columns that hold nothing, not even a name, as spreadsheets write them."""
    width = max((k for _, cells in rows for k, cell in enumerate(cells, 1) if cell.strip()), default=0)
    return [(line, cells[:width]) for line, cells in rows]


def delimiter_of(path: str, lines: list[str]) -> str:
    """Returns the sign that cuts most of the first lines, and most of them alike; a tab if none cuts half so."""
    if path.removesuffix(".gz").endswith(".tsv"):
        return "\t"
    shares = {}
    for sign in DELIMITERS:
        rows = _split(lines[:FIRST], sign, strict=False)
        widths = Counter(len(cells) for _, cells in (rows if len(lines) <= FIRST else rows[:-1]))
        cut = {width: count for width, count in widths.items() if width > 1}
        shares[sign] = (sum(cut.values()) + max(cut.values(), default=0)) / max(widths.total(), 1)
    best = max(DELIMITERS, key=shares.__getitem__)
    return best if shares[best] >= 1 else "\t"  # half of the lines alike, or more not alike


def check_no_json(path: str, lines: list[str], what: str) -> None:
    """Raises ValueError for a file of JSON, with how one reads it."""
    first, ending, parsed = lines[0].strip(), path.removesuffix(".gz").rpartition(".")[2], None
    with suppress(ValueError):
        parsed = json.loads(first)
    by_lines = ending in ("jsonl", "ndjson") or (isinstance(parsed, dict | list) and len(lines) > 1)
    if by_lines or ending == "json" or isinstance(parsed, dict | list) or first in ("{", "[", "[{"):
        read = "[json.loads(line) for line in file]" if by_lines else "json.load(file)"
        raise ValueError(f"{what} must be columns of text, got {path!r} of JSON; a list of dicts does: {read}")


def _without_declarations(lines: list[str]) -> list[str]:
    """Returns lines, the first of which are empty where they say how the others are to be read."""
    first = next((k for k, line in enumerate(lines) if not DECLARED.fullmatch(line)), len(lines))
    return [""] * first + lines[first:]


def _split(lines: list[str], delimiter: str, strict: bool = True) -> Numbered:
    """Returns the rows of lines that hold something.

    A cell in quotes may hold the delimiter, and line ends; in a TSV it may where its rows would differ in length, and
    quotes are none of the text where each text has them.
    """
    if delimiter == "\t" or len(delimiter) > 1:
        rows = [(at, line.split(delimiter)) for at, line in enumerate(lines, 1) if line.strip()]
        of_r, of_excel = (all(kind.fullmatch(cell) for _, cells in rows for cell in cells) for kind in (OF_R, OF_EXCEL))
        if (_alike(rows) and not (of_r or of_excel)) or len(delimiter) > 1 or not any('"' in line for line in lines):
            return rows
        quoted = _quoted([line.replace('\\"', '""') for line in lines] if of_r else lines, delimiter, strict=False)
        return quoted if _alike(quoted) else rows
    return _quoted(lines, delimiter, strict)


def _alike(rows: Numbered) -> bool:
    return len({len(cells) for _, cells in rows}) == 1 or _is_of_r(rows)


def _is_of_r(rows: Numbered) -> bool:
    """Whether the first row lacks one cell, for numbers that all others begin with: R writes no name above those."""
    first, *others = [cells for _, cells in rows] or [[]]
    short = len(first) > 1 and {len(cells) for cells in others} == {len(first) + 1}
    return short and all(cells[0].strip('"').isdigit() for cells in others)


def _quoted(lines: list[str], delimiter: str, strict: bool) -> Numbered:
    ended = [f"{line}\n" for line in lines]
    reader, rows, at = csv.reader(ended, delimiter=delimiter, strict=strict, skipinitialspace=True), [], 1
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                rows.append((at, cells))
            at = reader.line_num + 1
    except csv.Error as error:
        raise csv.Error(f"{error}, in the row that begins in line {at}") from error
    return rows
