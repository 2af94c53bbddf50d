"""This module reads text files bit by bit, and refuses those that are no UTF-8 text with what they look like."""

import codecs
import gzip
import io
import shlex
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from os import PathLike
from typing import IO, Any

from npseq.data.encodings import TWO_BYTES, candidates, is_encoding, no_utf8
from npseq.files import existing

STANDARD_INPUT, PACKED = "-", b"\x1f\x8b"
CHUNK = 1 << 18  # bytes that are read at a time
JOIN = "name a file in it, or join its files into one: cat FOLDER/* > all.txt"
OVERLAP = 3  # bytes of the last chunk before which a sign of another encoding may begin


def place(path: str | PathLike[str]) -> str:
    """Returns the path of a text, or what "-" means in words."""
    return "the standard input" if path == STANDARD_INPUT else str(path)


def named(path: str | PathLike[str]) -> str:
    """Returns what a text is read from, in words."""
    return place(path) if path == STANDARD_INPUT else f"the file {str(path)!r}"


def decoded(path: str | PathLike[str], what: str = "a text") -> Iterator[str]:
    """Yields the text of a UTF-8 file without its byte order mark, line ends as a newline, a part at a time.

    A file of gzip is unpacked, a pipe is read to its end, and "-" is the standard input. what: it should hold, for the
    errors.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for an empty file, and one that is not UTF-8, with what it looks like and where.
    """
    if path != STANDARD_INPUT:
        path = existing(path, what, pipe=True, of_a_folder=JOIN)
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8-sig")(), translate=True)
    with _opened(path) as file:
        place, raw, tail, line = 0, b"", b"", 1
        while raw or not place:
            line += raw.count(b"\n")
            place, tail, raw = place + len(raw), raw[-OVERLAP:], _read(file, path, what)
            if not place + len(raw):
                raise ValueError(f"{what} must hold something, {named(path)} is empty")
            _check(path, what, tail + raw, place - len(tail))
            try:
                yield decoder.decode(raw, final=not raw)
            except UnicodeDecodeError as error:
                _refuse(path, what, error, place + len(raw) - len(error.object), line)


@contextmanager
def _opened(path: str | PathLike[str]) -> Iterator[Any]:
    """Opens a file, a pipe or the standard input, and unpacks what gzip has packed."""
    with ExitStack() as stack:
        file: Any = sys.stdin.buffer if path == STANDARD_INPUT else stack.enter_context(open(path, "rb"))
        yield gzip.GzipFile(fileobj=file) if file.peek(2)[:2] == PACKED else file


def _read(file: IO[bytes], path: str | PathLike[str], what: str) -> bytes:
    try:
        return file.read(CHUNK)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(
            f"{what} must be whole, {named(path)} is packed by gzip and broken ({error}); take a whole one"
        ) from error


def lines_of(path: str | PathLike[str], what: str) -> list[str]:
    """Returns the lines of a text file, without their ends. Raises as `decoded`."""
    lines = "".join(decoded(path, what)).split("\n")
    return lines if lines[-1] else lines[:-1]


def _check(path: str | PathLike[str], what: str, raw: bytes, place: int) -> None:
    """Raises ValueError for bytes, which begin at this place of the file, that pass for UTF-8 but are no text."""
    if found := no_utf8(raw, first=place == 0):
        like, sign, at = found
        remedy = (
            _convert(like, path) if is_encoding(like) else "take its text: unpack an archive, save a spreadsheet as CSV"
        )
        raise ValueError(
            f"{what} must be UTF-8, {named(path)} looks like {like}, by {sign} at offset {place + at}; {remedy}"
        )


def _refuse(path: str | PathLike[str], what: str, error: UnicodeDecodeError, place: int, line: int) -> None:
    raw, line = error.object, line + error.object.count(b"\n", 0, error.start)
    told = (
        f"{what} must be UTF-8, {named(path)} is not: byte 0x{raw[error.start]:02x} at offset {place + error.start} "
        f"({error.reason}) in line {line}"
    )
    if error.reason == "unexpected end of data":
        raise ValueError(f"{told}; it looks like a file that was cut off; take the whole of it") from error
    known = candidates(raw)
    like = " or ".join(known) if known[0] in TWO_BYTES else f"one byte a letter, as {known[0]} is"
    raise ValueError(
        f"{told}; it looks like {like}; {_convert(known[0], path)} (iconv -l lists other encodings)"
    ) from error


def _convert(encoding: str, path: str | PathLike[str]) -> str:
    """Says how a file, or what comes through a pipe, becomes UTF-8."""
    if path == STANDARD_INPUT:
        return f"convert it in the pipe: iconv -f {encoding} -t UTF-8"
    file, call = shlex.quote(str(path)), f"iconv -f {encoding} -t UTF-8"
    return f"convert it: {f'gzip -dc {file} | {call}' if file.endswith('.gz') else f'{call} {file}'} > utf8.txt"
