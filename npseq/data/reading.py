"""This module reads text files bit by bit, and refuses those that are no UTF-8 text with what they look like."""

import codecs
import gzip
import io
import re
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from os import PathLike
from pathlib import Path
from typing import IO, Any

from npseq.files import as_path

STANDARD_INPUT, PACKED = "-", b"\x1f\x8b"
CHUNK = 1 << 18  # bytes that are read at a time
BEGINNINGS = {  # of other files than text, and of texts with a mark of another encoding
    b"\xff\xfe\0\0": "UTF-32", b"\0\0\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16",
    b"%PDF-": "a PDF", b"{\\rtf": "RTF", b"PK\3\4": "a zip archive, as .docx and .epub are",
    b"\x89PNG": "a picture", b"\xff\xd8\xff": "a picture",
}  # fmt: skip
SEVEN_BIT = {  # encodings of other scripts that use only the bytes of ASCII
    "ISO-2022-JP": re.compile(rb"\x1b\$[@B]"),
    "ISO-2022-CN": re.compile(rb"\x1b\$A|\x1b\$\)[AEG]"),
    "ISO-2022-KR": re.compile(rb"\x1b\$\)C"),
    "HZ": re.compile(rb"~\{(?:[\x21-\x77][\x21-\x7e]){2,}~\}"),
}
OVERLAP = 3  # bytes of the last chunk before which such a sign may begin


def decoded(path: str | PathLike[str], what: str = "a text") -> Iterator[str]:
    """Yields the text of a UTF-8 file without its byte order mark, line ends as a newline, a part at a time.

    A file of gzip is unpacked, a pipe is read to its end, and "-" is the standard input. what: it should hold, for the
    errors.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for an empty file, and one that is not UTF-8, with what it looks like and where.
    """
    given, path = path, as_path(path)
    if given != STANDARD_INPUT and not path.is_file() and not path.is_fifo():
        raise FileNotFoundError(f"{what} must be an existing file, found none at {str(path)!r}; check the path")
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8-sig")(), translate=True)
    with _opened(given) as file:
        place, raw, tail, line = 0, b"", b"", 1
        while raw or not place:
            line += raw.count(b"\n")
            place, tail, raw = place + len(raw), raw[-OVERLAP:], _read(file, path, what)
            if not place + len(raw):
                raise ValueError(f"{what} must hold something, the file {str(path)!r} is empty")
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


def _read(file: IO[bytes], path: Path, what: str) -> bytes:
    try:
        return file.read(CHUNK)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(
            f"{what} must be UTF-8, the file {str(path)!r} is one of gzip that is broken: {error}"
        ) from error


def lines_of(path: str | PathLike[str], what: str) -> list[str]:
    """Returns the lines of a text file, without their ends. Raises as `decoded`."""
    lines = "".join(decoded(path, what)).split("\n")
    return lines if lines[-1] else lines[:-1]


def _check(path: Path, what: str, raw: bytes, place: int) -> None:
    """Raises ValueError for bytes, which begin at this place of the file, that pass for UTF-8 but are no text."""
    like = next((name for sign, name in BEGINNINGS.items() if raw.startswith(sign)), None) if place == 0 else None
    at, sign = 0, "its first bytes"
    if like is None and (at := raw.find(b"\0")) >= 0:
        like, sign = _with_zeros(raw), "the byte 0"
    for name, pattern in SEVEN_BIT.items() if like is None else ():
        if found := pattern.search(raw):
            like, sign, at = name, f"the bytes {found[0][:4]!r}", found.start()
    if like is not None:
        remedy = f"convert it: iconv -f {like} -t UTF-8" if "-" in like or like == "HZ" else "take its text"
        raise ValueError(
            f"{what} must be UTF-8, the file {str(path)!r} looks like {like}, by {sign} at offset {place + at}; "
            f"{remedy}"
        )


def _with_zeros(raw: bytes) -> str:
    """Returns what bytes look like that have zeros among them."""
    a, b, c, d = (raw[k::4].count(0) / max(len(raw[k::4]), 1) for k in range(4))  # shares of zeros
    if min(c, d) > 0.9 > 10 * a:
        return "UTF-32LE"
    if min(a, b) > 0.9 > 10 * d:
        return "UTF-32BE"
    few = 0.2 if raw.decode("utf-8", "replace").count("\ufffd") < 2 else 0.02  # in UTF-16 there are more
    if min(b, d) > few > 2 * max(a, c):
        return "UTF-16LE"
    return "UTF-16BE" if min(a, c) > few > 2 * max(b, d) else "a file of bytes"


def _refuse(path: Path, what: str, error: UnicodeDecodeError, place: int, line: int) -> None:
    raw, like = error.object, "an encoding of one byte a letter, as Latin-1 is"
    line += raw.count(b"\n", 0, error.start)
    if error.reason == "unexpected end of data":
        like = "a file that was cut off"
    elif 2 * sum(byte < 128 for byte in raw) < len(raw):
        like = "an encoding of more bytes a letter, as GB18030 or UTF-16 is"
    raise ValueError(
        f"{what} must be UTF-8, the file {str(path)!r} is not: byte 0x{raw[error.start]:02x} at offset "
        f"{place + error.start} ({error.reason}) in line {line}; it looks like {like}; convert it to UTF-8"
    ) from error
