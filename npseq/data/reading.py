"""This module reads text files: UTF-8, with any line ends."""

from os import PathLike
from pathlib import Path


def read_text(path: str | PathLike[str]) -> str:
    """Returns a UTF-8 text file without its byte order mark. Raises as `read_lines` of npseq.data does."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"a text must be an existing file, found none at {str(path)!r}; check the path")
    raw = path.read_bytes()
    if not raw:
        raise ValueError(f"a text must hold something, the file {str(path)!r} is empty")
    try:
        return raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"a text must be UTF-8, the file {str(path)!r} is not: byte 0x{raw[error.start]:02x} "
            f"at offset {error.start} in line {line} ({error.reason}); convert it to UTF-8"
        ) from error


def split_lines(text: str) -> list[str]:
    """Returns the lines of a text without their line ends ("\\n", "\\r\\n" or "\\r")."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines if lines[-1] else lines[:-1]
