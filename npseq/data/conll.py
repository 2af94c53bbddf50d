"""This module reads files of tagged sentences: CoNLL, a line a token, and word/tag, a line a sentence."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from npseq.data.delimited import check_no_json, delimiter_of
from npseq.data.header import ask_for_header, may_be_header
from npseq.data.reading import lines_of
from npseq.data.table import Table

NO_WORD = re.compile(r"\d+[-.]\d+")  # in the first of CoNLL-U's ten columns
HEADINGS = {
    "sentence", "sentence #", "sentence_id", "words", "tokens", "tags", "word", "token", "form", "lemma", "tag",
    "label", "labels", "pos", "upos", "xpos", "ner", "chunk", "id", "pos_tag", "pos_tags", "ner_tag", "ner_tags",
}  # fmt: skip

BLANKS = " \t"  # others, as that in 10\xa0000, are part of a token
A_ROW_EACH = (
    "of a sentence a row, [list(zip(words.split(), tags.split())) for words, tags in rows] makes lists; "
    "ast.literal_eval reads those that are printed"
)
LONGEST = 200  # tokens of a sentence without an empty line behind it

Where = Callable[[int], str]  # where a token is, in words, by its number


class Token(NamedTuple):
    """A token, its tag, and the number of its line, row or sentence."""

    word: str
    tag: str
    at: int


class Line(NamedTuple):
    """A line of a file of CoNLL."""

    at: int
    text: str
    cells: list[str]

    def is_skipped(self, width: int, begun: bool) -> bool:
        """Whether it is a comment before a sentence, or of CoNLL-U no word; a token may begin with # as well."""
        comment = self.text.startswith("#") and not begun and (len(self.cells) != width or self.text[1:2] == " ")
        return comment or (width == 10 and NO_WORD.fullmatch(self.cells[0]) is not None)


def of_conll(path: Any, token: Any, tag: Any, delimiter: Any, header: Any) -> tuple[list[list[Token]], Where]:
    lines = [line for line in _lines(path, delimiter) if line.cells[:1] != ["-DOCSTART-"]]
    first = next((line for line in lines if line.cells and not line.text.startswith("#")), None)
    if first is None:
        return [], str
    usual = isinstance(token, str) or isinstance(tag, str) or all(cell.lower() in HEADINGS for cell in first.cells)
    named = usual if header is None else header
    table = Table(tuple(first.cells) if named else None, [first.cells], f"the file {str(path)!r}")
    of_token, of_tag, width = table.place(token, 0, "token"), table.place(tag, -1, "tag"), len(first.cells)
    if of_token == of_tag and width > 1:
        raise ValueError(f"token and tag must be two columns, got {token!r} and {tag!r} of {first.cells!s:.80}")
    slashes = all("/" in cell[1:-1] for cell in first.cells)
    if all(line.cells for line in lines) and (_is_csv(path) or named or slashes or len(lines) > LONGEST):
        way = "name the column that says of which sentence a token is, sentence=..., or for word/tag form='slash'"
        if _is_csv(path) and all(" " in cell for cell in (lines[-1].cells[of_token], lines[-1].cells[of_tag])):
            way = A_ROW_EACH
        raise ValueError(
            f"empty lines must part sentences, {table.source} has none, and the columns {first.cells!s:.80}; {way}"
        )
    sentences: list[list[Token]] = [[]]
    for line in lines:
        if not line.cells:
            sentences.append([])
        elif not (named and line is first) and not line.is_skipped(width, begun=bool(sentences[-1])):
            if width < 2:
                raise ValueError(
                    f"a line must hold a token and its tag, line {first.at} of {table.source} has one column, "
                    f"{first.text!r:.60}; name the delimiter, or another form"
                )
            if len(line.cells) != width:
                raise ValueError(
                    f"a line must hold a token and its tag, line {line.at} of {table.source} has the columns "
                    f"{line.cells}, line {first.at} {first.cells}; mend that line, or name the delimiter, or of a "
                    "table the column sentence, or another form"
                )
            sentences[-1].append(Token(line.cells[of_token], line.cells[of_tag], line.at))
    tags = Counter(each.tag for one in sentences for each in one if each.at > first.at)
    if header is None and not named and len(tags) > 1 and may_be_header(first.cells[of_tag], tags):
        raise ask_for_header(f"the first line of {table.source}, {first.cells!s:.80}", "has a tag of its own", "token")
    return [one for one in sentences if one], lambda at: f"line {at} of {table.source}"


def _lines(path: Any, delimiter: str | None) -> Iterator[Line]:
    lines = lines_of(path, "a file of tagged sentences")
    check_no_json(str(path), lines, "a file of tagged sentences")
    if delimiter is None and _is_csv(path):
        delimiter = delimiter_of(str(path), [line for line in lines if line.strip()])
    for at, text in enumerate(lines, 1):
        sign = delimiter or ("\t" if "\t" in text else None)
        cells = [cell.strip(BLANKS) for cell in _cells(text, sign)]
        yield Line(at, text, cells if any(cells) and text.strip() else [])


def _cells(text: str, sign: str | None) -> list[str]:
    """The columns of a line; beside commas and the like a cell may be in quotes, and no sign is blanks."""
    if sign is None:
        return re.split("[ \t]+", text.strip(BLANKS))
    return next(csv.reader([text], delimiter=sign), []) if len(sign) == 1 and sign not in BLANKS else text.split(sign)


def _is_csv(path: Any) -> bool:
    return str(path).removesuffix(".gz").endswith(".csv")


def of_slashes(path: Any, sign: str) -> tuple[list[list[Token]], Where]:
    sentences = []
    for at, line in enumerate(lines_of(path, "a file of tagged sentences"), 1):
        pairs = [cell.rpartition(sign) for cell in line.split()]
        if bad := [word + tag for word, _, tag in pairs if not (word and tag)]:
            raise ValueError(
                f"a token must be word{sign}tag, line {at} of {str(path)!r} has {bad[0]!r}; name another sign between "
                "them as delimiter"
            )
        sentences.append([Token(word, tag, at) for word, _, tag in pairs])
    words = [each.word for one in sentences for each in one]
    if words and all(sign in word for word in words):
        raise ValueError(
            f"a token must be word{sign}tag, each of {str(path)!r} has more of {sign!r}, as {words[0]!r}; give "
            f"a list, [[part.split({sign!r})[:2] for part in line.split()] for line in file]"
        )
    return [one for one in sentences if one], lambda at: f"line {at} of the file {str(path)!r}"
