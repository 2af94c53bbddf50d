"""This module finds which columns of a table are texts and labels, and whether its first row names them."""

from collections import Counter
from typing import Any

from npseq.data.header import ask_for_header, is_empty, like_names, may_be_header, named_as
from npseq.data.table import Table

OF_TEXTS = {"text", "texts", "sentence", "message", "review", "comment", "utterance", "tweet", "文本", "评论", "句子"}
OF_LABELS = {"label", "labels", "class", "category", "target", "sentiment", "intent", "标签", "类别", "情感"}
HEADINGS = OF_TEXTS | OF_LABELS | {
    "id", "document", "content", "title", "body", "name", "surname", "word", "query", "question", "headline",
    "description", "language", "lang", "topic", "genre", "emotion", "rating", "stars", "score", "type", "tag",
    "country", "nationality", "gender", "sex", "内容",
}  # fmt: skip


def places_of(table: Table, text: str | int | None, label: str | int | None, known: Any = ()) -> tuple[int, int]:
    """Returns the columns of labels and of texts: those that are named, have a usual name alone, or look like them.

    known: labels, of which those of the column must be some.
    """
    if table.names is not None:
        text = _alone(table.names, OF_TEXTS) if text is None else text
        label = _alone(table.names, OF_LABELS) if label is None and not known else label
    cells = [["" if is_empty(cell) else str(cell).strip() for cell in row] for row in table.rows]
    columns = list(zip(*cells, strict=True))
    kinds, lengths = [len({*column} - {""}) for column in columns], [sum(map(len, column)) for column in columns]
    places = range(len(columns))
    usual = len(columns) - 1 if table.is_list else min(places, key=lambda k: (kinds[k] < 2, kinds[k], lengths[k]))
    usual = next((k for k in places if known and {*columns[k]} <= {"", *known}), usual)
    of_label = table.place(label, usual, "label")
    others = [k for k in places if k != of_label]
    of_text = table.place(text, max(others, key=lambda k: (kinds[k] > 1, lengths[k])), "text")
    alike = [k for k in places if kinds[k] == kinds[of_label] > 1 and k != of_text]
    if label is None and len(alike) > 1 and not (known or table.is_list):
        names = alike if table.names is None else [table.names[k] for k in alike]
        raise ValueError(
            f"label must be named, {table.source} has several columns of {kinds[of_label]} values: "
            f"{', '.join(map(repr, names))}"
        )
    return of_label, of_text


def _alone(names: tuple[str, ...], usual: set[str]) -> int | None:
    """Returns the place of the only one of the names that is usual, or None."""
    found = named_as(names, usual)
    return found[0] if len(found) == 1 else None


def with_names(table: Table, text: str | int | None, label: str | int | None) -> Table:
    """Takes the first row for names, if they are words, those below are texts, and its label is none of the others.

    Raises ValueError where it may as well be a text with a label of its own.
    """
    first = table.rows[0]
    if table.names is not None or len(table.rows) < 3 or not all(isinstance(cell, str) for cell in first):
        return table
    rest = table.of(range(1, len(table.rows)))
    of_label, of_text = places_of(rest, text, label)
    counts = Counter(str(row[of_label]).strip() for row in rest.rows)
    named = like_names(first, [str(row[of_text]) for row in rest.rows])
    own = first[of_label].strip()
    again = may_be_header(own, counts)
    if again and named:
        return table.named()
    if again or (named and own not in counts):
        raise ask_for_header(f"the first row of {table.source}, {first!s:.80}", "has a label of its own", "text")
    return table
