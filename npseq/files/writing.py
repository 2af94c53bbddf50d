"""This module decides whether npseq may write at a path, and writes there.

A file is replaced as a whole: a crash at any moment leaves the old one or the new one. What npseq did not write is
never replaced, nor is anything but a plain file.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from secrets import token_hex
from typing import Any

Ours = Callable[[Path], bool]  # whether npseq wrote the file at a path

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}
REMEDIES = {errno.ENOENT: "make its folder first", errno.ENOSPC: "make room on its disk"}


def as_path(path: Any, name: str = "path") -> Path:
    """Returns a path that can be one. Raises TypeError or ValueError for anything else.

    Raises FileNotFoundError for a relative path if the working folder has been deleted.
    """
    if not isinstance(path, str | PathLike) or not isinstance(os.fspath(path), str):
        raise TypeError(f"{name} must be a path, a str or a PathLike, got {path!r:.80}")
    text = os.fspath(path)
    if not text or "\0" in text:
        raise ValueError(f"{name} must name a file or a folder, got {text!r}; '.' is the working folder")
    try:
        os.fsencode(text)
    except UnicodeEncodeError as error:
        raise ValueError(f"{name} must be made of characters that a file name can have, got {text!r}") from error
    if len(os.fsencode(text)) > 4095 or max(map(len, map(os.fsencode, Path(text).parts)), default=0) > 255:
        raise ValueError(f"{name} must be of names that a file system takes, of 255 bytes each, got {text[:60]!r}...")
    if not os.path.isabs(text):
        try:
            os.getcwd()
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"the working folder must exist, where {name} {text!r} is looked for, but it has been deleted; "
                "change to another folder, or give an absolute path"
            ) from error
    return Path(text)


def replaceable(path: Path, ours: Ours, *, follow: bool = True) -> Path:
    """Returns the file that a path means, if npseq may write it: it is not there, or empty, or npseq's own.

    follow: whether a symbolic link means the file that it leads to; otherwise a link is refused.

    Raises:
        FileExistsError: for another file, and for a folder, a pipe, a device or a link.
        PermissionError: for a file that nobody may write.
    """
    with errors_naming(path):
        try:
            found = os.stat(path, follow_symlinks=follow)
        except (FileNotFoundError, NotADirectoryError):
            found = None
        place = Path(os.path.realpath(path)) if follow else path
        if found is None:
            return place
        if not stat.S_ISREG(found.st_mode):
            kind = KINDS.get(stat.S_IFMT(found.st_mode), "a device")
            raise FileExistsError(f"{str(path)!r} must be a plain file where npseq writes, it is {kind}; name another")
        if not found.st_mode & 0o222:
            raise PermissionError(f"{str(path)!r} must be writable, it is read-only; allow it, or name another path")
        if found.st_size and not ours(place):
            raise FileExistsError(
                f"{str(path)!r} must be npseq's own file to be replaced, npseq did not write it; move it away, or name "
                "another path"
            )
        return place


def replace_file(path: Path, payload: bytes, ours: Ours, *, follow: bool = True) -> None:
    """Puts a file with these bytes where a path leads; a file that was there is replaced, and keeps its mode.

    Raises OSError, which names the path, if it cannot be written, and as `replaceable` does.
    """
    place = replaceable(path, ours, follow=follow)
    with errors_naming(path):
        partial = partial_of(place)
        partial.touch(exist_ok=False)
        try:
            if place.exists():
                os.chmod(partial, stat.S_IMODE(place.stat().st_mode))
            with open(partial, "wb") as file:
                file.write(payload)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, place)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        if os.name == "posix":  # elsewhere a folder cannot be opened, and the rename is durable without
            folder = os.open(place.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def append(path: Path, text: str) -> None:
    """Adds to the end of a plain file that npseq has begun. Raises OSError, which names the path."""
    place = replaceable(path, lambda _: True, follow=False)
    with errors_naming(path), open(place, "a", encoding="utf-8", newline="\n") as file:
        file.write(text)


def make_folder(out: Path) -> None:
    """Makes a folder and tries to write in it, before work starts that would have nowhere to go.

    Raises OSError if the folder cannot be made, or nothing can be written in it.
    """
    probe = partial_of(out / "npseq")
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        reason = error.strerror or error
        raise OSError(f"the output folder {str(out)!r} must be writable: {reason}; name another one") from error


def partial_of(place: Path) -> Path:
    """Returns the path of a file beside this one which no other process writes."""
    return place.with_name(f".{place.name[:40]}-{token_hex(8)}.partial")


def remove_partials(place: Path) -> None:
    """Deletes what processes that were killed have left beside a file, where no other can be writing it."""
    for partial in place.parent.glob(f".{place.name[:40]}-{'[0-9a-f]' * 16}.partial"):
        partial.unlink(missing_ok=True)


@contextmanager
def errors_naming(path: Path) -> Iterator[None]:
    """Makes the system's errors name this path, and not the one beside it, and say what to do."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # npseq's own
            raise
        remedy = REMEDIES.get(error.errno, "name another path")
        told = type(error)(f"{str(path)!r} must be writable: {error.strerror}; {remedy}")
        told.errno = error.errno
        raise told from error
