"""This module reads parallel texts, a source and a target a row, of files, lists and data frames."""

from os import PathLike
from typing import Any

from npseq.data.header import ask_for_header, is_number, like_names, named_as
from npseq.data.made_pairs import MADE
from npseq.data.reading import lines_of
from npseq.data.table import Table, no_options, read_table
from npseq.files import existing

TWO_FILES = "load_pairs(('a.en', 'a.fr'))"
UNNAMED = ("", "Unnamed: 0")  # an index in a file, and what pandas calls it
ONE_LINE = str.maketrans("\t\n\r", "   ")
HEADINGS = {
    "source", "target", "src", "tgt", "trg", "input", "output", "question", "answer", "text", "translation", "id",
    "word", "meaning", "query", "sql", "singular", "plural", "sentence", "pronunciation", "summary",
    "prompt", "response", "completion",
    "english", "french", "german", "spanish", "italian", "portuguese", "dutch", "russian", "polish", "turkish",
    "chinese", "japanese", "korean", "arabic", "hindi", "latin", "greek", "swedish",
    "deutsch", "englisch", "französisch", "spanisch", "français", "anglais", "español", "inglés", "中文", "英文",
    "allemand", "espagnol", "alemán", "francés",
    "english words/sentences", "french words/sentences",  # of the file of Kaggle that most take
    "en", "fr", "de", "es", "it", "pt", "nl", "ru", "pl", "tr", "zh", "ja", "ko", "ar", "hi", "la", "el", "sv",
}  # fmt: skip


def read_pairs(
    given: str | PathLike[str] | Any,
    source: str | int | None = None,
    target: str | int | None = None,
    *,
    missing: str = "refuse",
    delimiter: str | None = None,
    header: bool | None = None,
) -> str:
    """Reads pairs of a file, a list or a data frame, and returns lines "source TAB target".

    Raises FileNotFoundError for a missing file, ValueError if it is not UTF-8 or has a row that is no pair.
    """
    if isinstance(given, tuple | list) and len(given) == 2 and all(isinstance(path, str | PathLike) for path in given):
        no_options("one table", "two files", source=source, target=target, delimiter=delimiter, header=header)
        given = _side_by_side(*given)
    if isinstance(given, str | PathLike):
        known = (*MADE, "tatoeba")
        existing(given, f"a file of sentence pairs, if not {', '.join(map(repr, known))},", others=known)
    table = read_table(
        given, delimiter=delimiter, header=header, wanted=(source, target), headings=HEADINGS, ragged=True,
        what="a table of sentence pairs",
    )  # fmt: skip
    places = _places(table, source, target)
    if header is None and table.names is None:
        _check_first(table, list(places.values()))
    rows = table.filled(places, missing).rows
    return "\n".join("\t".join(_line(row[place]) for place in places.values()) for row in rows)


def _side_by_side(first: str | PathLike[str], second: str | PathLike[str]) -> list[tuple[str, str]]:
    """Returns the lines of two files as pairs. Raises ValueError if one has more than the other."""
    sides = [lines_of(path, "a file of sentences") for path in (first, second)]
    if len(sides[0]) != len(sides[1]):
        raise ValueError(
            f"two files of pairs must have as many lines, {str(first)!r} has {len(sides[0])}, {str(second)!r} "
            f"{len(sides[1])}; line k of one must be that of the other's line k"
        )
    return list(zip(*sides, strict=True))


def _line(cell: Any) -> str:
    return str(cell).rstrip("\r\n").translate(ONE_LINE)


def _places(table: Table, source: str | int | None, target: str | int | None) -> dict[str, int]:
    """Returns the columns of sources and targets."""
    table.check_two_columns("sentence pairs", "(source, target), of two files " + TWO_FILES)
    width = len(table.rows[0])
    names = table.names or ()
    usual = named_as(names, HEADINGS - {"id"})
    first, second = usual if len(usual) == 2 else (1, 2) if width > 2 and names and names[0] in UNNAMED else (0, 1)
    places = {"source": table.place(source, first, "source"), "target": table.place(target, second, "target")}
    if places["source"] == places["target"]:
        way = table.inside(places["source"]) or "name both"
        raise ValueError(f"source and target must be two columns, got {source!r} and {target!r}; {way}")
    for (what, place), given in zip(places.items(), (source, target), strict=True):
        if given is None and width > 2 and (holds := _no_texts([str(row[place]).strip() for row in table.rows])):
            raise ValueError(
                f"{what} must be a column of texts, column {place} of the {width} of {table.source} has {holds}; name "
                "both, say source=1, target=2"
            )
    return places


def _check_first(table: Table, places: list[int]) -> None:
    """Raises ValueError where the first row looks like names above sentences."""
    first, *others = [[str(row[place]) for place in places] for row in table.rows]
    if len(others) > 1 and like_names(first, [max(row, key=_words) for row in others]):
        raise ask_for_header(f"the first row of {table.source}, {first!s:.80}", "may be names above sentences", "pair")


def _words(text: str) -> int:
    return len(text.split())


def _no_texts(cells: list[str]) -> str:
    """Returns what a column beside others holds if it is numbers, or few texts that come again and again, else ""."""
    if all(map(is_number, cells)):
        return "numbers"
    few = sorted({*cells})
    if len(cells) > 2 and len(few) == 1:
        return f"{cells[0]!r:.40} alone"
    return f"only {len(few)} different texts, as {few[0]!r:.40}" if 10 * len(few) <= len(cells) else ""
