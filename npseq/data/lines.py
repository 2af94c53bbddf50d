"""This module cleans a text and splits it into tokens, as a whole or a part at a time.

The cleaning and the tokens are those of Dive into Deep Learning ("d2l", chapter 8, "Text Preprocessing"), so that its
published counts hold here.
"""

import logging
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from typing import Any

from npseq.arguments import one_of
from npseq.arguments import text as a_text
from npseq.data.reading import decoded

KINDS = ("word", "char", "jieba")
NO_LETTERS = re.compile("[^A-Za-z]+")
NO_LETTERS_IN_A_LINE = re.compile("[^A-Za-z\n]+")
LINE_ENDS = re.compile(" ?\n[ \n]*")
WORDS_AND_LINE_ENDS = re.compile(r"\n|\S+")


def clean_lines(text: str, clean: str = "letters") -> list[str]:
    """Returns the lines of a text without their line ends ("\\n", "\\r\\n" or "\\r"), cleaned.

    Args:
        text: the text.
        clean: "letters" replaces every run of other characters than A-Z and a-z by one space, strips the line and makes
            it lower case, as d2l does; "none" keeps the lines as they are, for any other script.

    Raises:
        ValueError: for an unknown `clean`, and if cleaning leaves nothing.

    Example:
        >>> ns.data.clean_lines("The Time Machine, by H. G. Wells")
        ['the time machine by h g wells']
    """
    check_clean(clean)
    lines = a_text("text", text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()
    cleaned = [_cleaned(line, clean) for line in lines]
    if not any(cleaned):
        raise _nothing(f"{len(lines)} empty lines", any(lines))
    return cleaned


def read_lines(path: str | PathLike[str], clean: str = "letters") -> list[str]:
    """Returns the lines of a UTF-8 text file without its byte order mark, cleaned as by `clean_lines`.

    Args:
        path: the file.
        clean: "letters" or "none".

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for an empty file, one that is not UTF-8 (with what it looks like, and where), and one of which
            cleaning leaves nothing.

    Example:
        >>> np.savetxt("words.txt", ["The time", "machine!"], fmt="%s")
        >>> ns.data.read_lines("words.txt")
        ['the time', 'machine']
    """
    text = "".join(decoded(path))
    try:
        return clean_lines(text, clean)
    except ValueError as error:
        raise ValueError(f"{error} (file {str(path)!r})") from error


def tokenize(lines: Sequence[str], token: str = "word") -> list[list[str]]:
    """Returns the tokens of every line: its words, split at white space, its characters, or its words in Chinese.

    Args:
        lines: strings.
        token: "word", "char", or "jieba", Chinese words as the package of that name cuts them (`npseq[chinese]`).

    Raises:
        TypeError: if `lines` is a single string.
        ValueError: for another `token`.
        ImportError: for "jieba" where that is not installed.

    Example:
        >>> ns.data.tokenize(["time flies"])
        [['time', 'flies']]
    """
    if isinstance(lines, str):
        raise TypeError("lines must be a list of strings, got one string; pass [text]")
    if not isinstance(lines, list | tuple) or not all(isinstance(line, str) for line in lines):
        raise TypeError(f"lines must be a list of strings, got {lines!r:.80}")
    check_token_kind(token)
    return [split(line, token) for line in lines]


def split(line: str, token: str) -> list[str]:
    """Returns the tokens of one text, of a kind that is one of KINDS."""
    if token == "jieba":
        words: list[str] = _jieba().lcut(line)
        return words
    return line.split() if token == "word" else list(line)


def _jieba() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its regular expressions
            import jieba
    except ImportError as error:
        raise ImportError(
            "token 'jieba', words in Chinese, needs jieba, which is not installed; pip install 'npseq[chinese]'"
        ) from error
    jieba.setLogLevel(logging.WARNING)
    return jieba


def tokens_of(
    texts: Iterable[str],
    clean: str,
    token: str,
    source: str = "",
    end_of_line: str | None = None,
    *,
    between: str = " ",
) -> Iterator[str | list[str]]:
    """Yields the tokens of a text that comes in parts, as a list or as a string of which each character is one.

    A text that is not cleaned keeps its line ends, each of which is a character, or a word. source: where the text is
    from, for the errors. end_of_line: a token behind each line that holds something, in the place of line ends.
    between: the characters that stand for the line ends of a text that is cleaned; "" as in d2l. Raises ValueError if
    cleaning leaves nothing.
    """
    check_clean(clean)
    check_token_kind(token)
    held = found = False

    def noted() -> Iterator[str]:
        nonlocal held
        for text in filter(None, texts):
            held = held or not text.isspace()
            yield text

    parts: Iterator[str | list[str]]
    if end_of_line is not None or token == "jieba":
        parts = _tokens_by_line(noted(), clean, token, end_of_line)
    elif token == "word":
        parts = map(words, _words(noted(), clean))
    else:
        parts = _characters(noted(), clean, between)
    for part in parts:
        found = found or bool("".join(part).strip())
        yield part
    if not found:
        raise ValueError(f"{_nothing('none', held and clean == 'letters')}{source}")


def _tokens_by_line(texts: Iterator[str], clean: str, token: str, end_of_line: str | None) -> Iterator[list[str]]:
    """Yields the tokens of each line, and what stands for its end: a token of one's own, or else the end itself."""
    end = [] if end_of_line is None else [end_of_line]
    for line in _lines(texts, clean):
        yield [*split(line, token), *end] if line.strip() else []


def _lines(texts: Iterator[str], clean: str) -> Iterator[str]:
    """Yields a text line by line, without their ends."""
    begun: list[str] = []
    for text in texts:
        first, *others = text.split("\n")
        begun.append(first)
        for other in others:
            yield _cleaned("".join(begun), clean)
            begun = [other]
    yield _cleaned("".join(begun), clean)


def _cleaned(line: str, clean: str) -> str:
    return NO_LETTERS.sub(" ", line).strip().lower() if clean == "letters" else line


def _words(texts: Iterator[str], clean: str) -> Iterator[str]:
    """Yields a text in parts that cut no word."""
    rest = ""
    for text in texts:
        text = rest + (NO_LETTERS.sub(" ", text).lower() if clean == "letters" else text)
        rest = "" if text[-1].isspace() else text.rsplit(None, 1)[-1]
        yield text[: len(text) - len(rest)]
    yield rest


def words(text: str) -> list[str]:
    """Returns the words of a text, and each of its line ends as one more."""
    return WORDS_AND_LINE_ENDS.findall(text)


def _characters(texts: Iterator[str], clean: str, between: str) -> Iterator[str]:
    """Yields a text in parts; if it is cleaned, with `between` for its line ends and the spaces around them."""
    if clean == "none":
        yield from texts
        return
    rest = "\n"  # the spaces and line ends behind the last letter, as one of them
    first = True
    for text in texts:
        text = NO_LETTERS_IN_A_LINE.sub(" ", text).lower()
        text = rest + (text.lstrip(" ") if rest else text)
        body = text.rstrip(" \n")
        rest = "\n" if "\n" in text[len(body) :] else text[len(body) :]
        cleaned = LINE_ENDS.sub(between, body)
        yield cleaned.lstrip(" ") if first else cleaned
        first = first and not body


def check_clean(clean: object) -> None:
    if not isinstance(clean, str) or clean not in ("letters", "none"):
        raise ValueError(f"clean must be 'letters' or 'none', got {clean!r:.80}")


def check_token_kind(token: object) -> None:
    one_of("token", token, KINDS)


def _nothing(left: str, has_others: bool) -> ValueError:
    remedy = "; use clean='none' for a text in another script" if has_others else ""
    return ValueError(f"a text must hold something after cleaning, got {left}{remedy}")
