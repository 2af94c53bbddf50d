"""A claim is the right to write in a folder, which one process has at a time."""

import os
import sys
import weakref
from contextlib import suppress
from pathlib import Path

from npseq.files.writing import errors_naming, make_folder, replaceable

LOCK = ".npseq.lock"
_claims: "weakref.WeakValueDictionary[str, Claim]" = weakref.WeakValueDictionary()


class Claim:
    """The right to write in a folder, held until it is released; a killed process loses it, by the system's own lock.

    A later claim of the same process takes it over.

    Args:
        folder: made if it is not there.

    Raises:
        BlockingIOError: if another process has the right.
        OSError: if the folder cannot be written, or its file system has no locks.
    """

    def __init__(self, folder: Path):
        make_folder(folder)
        place = os.path.realpath(folder)
        if place in _claims:
            _claims[place].release()
        descriptor = _locked(folder)
        self._release = weakref.finalize(self, _unlock, descriptor, Path(place, LOCK), os.getpid())
        _claims[place] = self

    @property
    def held(self) -> bool:
        return self._release.alive

    def release(self) -> None:
        self._release()


def _locked(folder: Path) -> int:
    """Returns the descriptor of the folder's lock file, locked."""
    path = folder / LOCK
    while True:
        replaceable(path, lambda _: False, follow=False)
        with errors_naming(path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            _lock(descriptor)
        except BlockingIOError:
            os.close(descriptor)
            raise BlockingIOError(
                f"the folder {str(folder)!r} must not be in use, but another process is training in it; wait until it "
                "ends, or name another folder"
            ) from None
        except OSError as error:
            os.close(descriptor)
            raise OSError(
                f"the folder {str(folder)!r} must lie on a file system with locks, so that no two processes write in "
                f"it ({error.strerror}); name a folder on another one"
            ) from error
        if _is_at(path, descriptor):  # otherwise the process that had it has just deleted the file
            return descriptor
        os.close(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    return False


def _lock(descriptor: int) -> None:
    """Locks an open file. Raises BlockingIOError if another process has locked it."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(str(error)) from error
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _unlock(descriptor: int, path: Path, process: int) -> None:
    if os.getpid() == process and _is_at(path, descriptor):  # not a fork of it, nor another's file
        path.unlink()
    os.close(descriptor)
