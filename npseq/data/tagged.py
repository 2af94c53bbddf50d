"""This module reads tagged sentences: CoNLL, word/tag, tables of a token a row, lists, data frames."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from os import PathLike
from typing import Any

from npseq.arguments import flag, integer, one_of
from npseq.data.batches import pad_sequences
from npseq.data.conll import A_ROW_EACH, BLANKS, HEADINGS, Token, Where, of_conll, of_slashes
from npseq.data.header import is_empty
from npseq.data.labelled import Labelled, check_known, labels_of, numbered
from npseq.data.rows import NA, is_dicts, is_missing
from npseq.data.table import Table, no_options, read_table
from npseq.data.text import Vocabulary, folded

SIDE_BY_SIDE = (
    "of a list of lists of tokens and one of tags, [list(zip(*pair)) for pair in zip(tokens, tags)] makes them"
)


def load_tagged(
    source: str | PathLike[str] | Sequence[Any] | Any,
    *,
    token: str | int = 0,
    tag: str | int = -1,
    sentence: str | int | None = None,
    lower: bool = False,
    min_freq: int = 2,
    form: str = "conll",
    delimiter: str | None = None,
    header: bool | None = None,
    like: Labelled | None = None,
) -> Labelled:
    """Returns tagged sentences as ids.

    Args:
        source: a file of one of the forms, which gzip may have packed; a list of sentences, each a list of (token,
            tag); or a data frame or a list of dicts, whose rows hold lists of the tokens and tags of a sentence, or one
            token each.
        token, tag: the columns of a file of CoNLL or of a table, by place or name; of CoNLL-U they are 1 and 3.
        sentence: the column that says of which sentence a token is, of a data frame or a CSV file of a token a row; an
            empty cell repeats the one above it.
        lower: whether tokens are made lower case.
        min_freq: rarer tokens become `<unk>`.
        form: "conll": a line a token, whose columns are parted by tabs, or by blanks where it has no tab, and an empty
            line behind each sentence; a first line of names, -DOCSTART- and comments, lines that begin with # before a
            sentence, are skipped, of CoNLL-U also those of several words and of none (1-2, 8.1). "slash": a line a
            sentence, of tokens as word/tag.
        delimiter: what parts the columns, say ",", or a word and its tag, say "_"; None finds that of a file whose name
            ends with .csv.
        header: whether a first line of a file names the columns; None: if `token` or `tag` is a name, or the line holds
            usual ones; where its tag is that of no other line, it must be given.
        like: sentences, or a model, whose vocabulary and tags these get; an unknown token is read in
            lower case.

    Raises:
        FileNotFoundError: if the file is missing.
        ValueError: for a file without a sentence, or a line without these columns, by its number.

    Example:
        >>> data = ns.data.load_tagged([[("the", "D"), ("cat", "N")], [("cats", "N")]], min_freq=1)
        >>> data.labels, data.targets.tolist(), data.lengths.tolist()
        (('D', 'N'), [[0, 1], [1, 0]], [2, 1])
    """
    one_of("form", form, ("conll", "slash"))
    Vocabulary(min_freq=integer("min_freq", min_freq, 0), token="word")  # refuses before anything is read
    lower, labels = flag("lower", lower), () if like is None else labels_of(like)
    is_file = isinstance(source, str | PathLike)
    if isinstance(source, Iterable) and not is_file and not hasattr(source, "columns"):
        source = list(source)
    if hasattr(source, "columns") or is_dicts(source) or (is_file and sentence is not None):
        sentences, where = _of_table(source, token, tag, sentence, delimiter, header)
    elif not is_file:
        no_options(
            "a file or a table", "a list of sentences", token=token or None, tag=None if tag == -1 else tag,
            sentence=sentence, form=None if form == "conll" else form, delimiter=delimiter,
        )  # fmt: skip
        sentences, where = _of_list(source)
    elif form == "conll":
        sentences, where = of_conll(source, token, tag, delimiter, header)
    else:
        sentences, where = of_slashes(source, delimiter or "/")
    if not sentences:
        raise ValueError("tagged sentences must be at least one, got none")
    _check_tokens(sentences, where, "mend that line, or name another form or columns" if is_file else NA)
    lines = [[(each.word.lower() if lower else each.word) for each in one] for one in sentences]
    if like is None:
        labels = tuple(sorted({each.tag for one in sentences for each in one}))
        if len(labels) < 2:
            raise ValueError(
                f"tagged sentences must have at least two tags, got {labels[0]!r} alone; name the columns, of CoNLL-U "
                "token=1, tag=3"
            )
        vocabulary = Vocabulary(lines, min_freq=min_freq, token="word")
        check_known(lines, vocabulary, "sentence", "")
    else:
        vocabulary = like.vocab
        lines = [folded(line, vocabulary) for line in lines]
    places = {name: k for k, name in enumerate(labels)}
    ids, lengths = pad_sequences([vocabulary[line] for line in lines], vocabulary.unk)
    targets, _ = pad_sequences([[numbered(each.tag, places, where, each.at) for each in one] for one in sentences])
    return Labelled(ids, targets, lengths, vocabulary, labels)


def _of_list(source: Any) -> tuple[list[list[Token]], Where]:
    found = []
    if not isinstance(source, Iterable):
        raise TypeError(f"tagged sentences must be a path, a list of sentences or a data frame, got {source!r:.80}")
    for k, one in enumerate(source):
        pairs = isinstance(one, list | tuple) and all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in one)
        if not pairs or not one:
            raise ValueError(
                f"a tagged sentence must be a list of (token, tag), got {one!r:.80} in place {k}; {_way_of(one)}"
            )
        found.append([_token(word, name, k) for word, name in one])
    return found, "the sentence in place {}".format


def _way_of(one: Any) -> str:
    """Says what makes sentences of what one of them is."""
    parts = one if isinstance(one, list | tuple) else ()
    if is_dicts(parts) and parts[0]:
        names = [*parts[0]]
        return f"of dicts, [(token[{names[0]!r}], token[{names[-1]!r}]) for token in sentence] makes one"
    return A_ROW_EACH if any(isinstance(part, str) and " " in part for part in parts) else SIDE_BY_SIDE


def _token(word: Any, tag: Any, at: int) -> Token:
    """A token of two cells, "" where one holds nothing."""
    word, tag = ("" if is_missing(part) else str(part).strip(BLANKS) for part in (word, tag))
    return Token(word, tag, at)


def _check_tokens(sentences: list[list[Token]], where: Where, way: str) -> None:
    """Raises ValueError where a token or its tag is empty, with the way on, and where tokens are but their numbers."""
    if bad := next((each for one in sentences for each in one if not (each.word and each.tag)), None):
        raise ValueError(
            f"a token must hold something and have a tag, {where(bad.at)} has {bad.word!r} and {bad.tag!r:.60}; {way}"
        )
    first = sentences[0][0].word
    if max(map(len, sentences)) > 1 and first in ("0", "1") and all(_is_counted(one, int(first)) for one in sentences):
        raise ValueError(
            f"tokens must be words, {where(sentences[0][0].at)} has {first!r}, and each sentence numbers them; name "
            "their column, of CoNLL-U token=1, tag=3"
        )


def _is_counted(sentence: list[Token], start: int) -> bool:
    return all(each.word == str(k) for k, each in enumerate(sentence, start))


def _of_table(
    source: Any, token: Any, tag: Any, sentence: str | int | None, delimiter: str | None, header: bool | None
) -> tuple[list[list[Token]], Where]:
    wanted, what = (token, tag, sentence), "a table of tagged tokens"
    table = read_table(source, delimiter=delimiter, header=header, wanted=wanted, headings=HEADINGS, what=what)
    if sentence is None:
        return _of_rows(table, token, tag), table.at
    of_token, of_tag = table.place(token, 0, "token"), table.place(tag, -1, "tag")
    of_sentence = table.place(sentence, 0, "sentence")
    if len({of_token, of_tag, of_sentence}) < 3:
        names = table.names or range(len(table.rows[0]))
        raise ValueError(
            f"token, tag and sentence must be three columns, got {token!r}, {tag!r} and {sentence!r}; {table.source} "
            f"has {', '.join(map(repr, names))}"
        )
    numbers: list[str] = []
    for row in table.rows:
        numbers.append(numbers[-1] if numbers and is_empty(row[of_sentence]) else str(row[of_sentence]))
    tokens = [_token(row[of_token], row[of_tag], k) for k, row in enumerate(table.rows)]
    return [list(group) for _, group in groupby(tokens, key=lambda each: numbers[each.at])], table.at


def _of_rows(table: Table, token: Any, tag: Any) -> list[list[Token]]:
    """The sentences of a table whose cells are lists, of which the first holds tokens, the last tags, by default."""
    lists = [k for k, cell in enumerate(table.rows[0]) if hasattr(cell, "__len__") and not isinstance(cell, str)]
    if len(lists) > 1:
        token, tag = lists[0] if token == 0 else token, lists[-1] if tag == -1 else tag
    of_token, of_tag = table.place(token, 0, "token"), table.place(tag, -1, "tag")
    found = []
    for k, row in enumerate(table.rows):
        words, tags = row[of_token], row[of_tag]
        if isinstance(words, str) or not hasattr(words, "__len__"):
            raise ValueError(
                f"sentence must name the column that says of which sentence a token is, got None; {table.source} has "
                f"{', '.join(map(repr, table.names or ()))}; {A_ROW_EACH}"
            )
        if isinstance(tags, str) or not hasattr(tags, "__len__") or not 0 < len(words) == len(tags):
            raise ValueError(f"a row must have a list of tokens and one of as many tags, {table.at(k)} has {row!r:.80}")
        found.append([_token(word, name, k) for word, name in zip(words, tags, strict=True)])
    return found
