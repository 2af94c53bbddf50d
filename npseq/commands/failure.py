"""A command that fails ends with one line on stderr and an exit status."""

from collections.abc import Iterator
from contextlib import contextmanager

SIGNALLED = 128  # plus the signal's number: a shell's status of a command that a signal has ended
INTERRUPTED = SIGNALLED + 2


class Failure(Exception):
    """Ends a command with one line on stderr and this exit status."""

    def __init__(self, message: object, status: int):
        super().__init__(" ".join(str(message).split()))
        self.status = status


@contextmanager
def bad_input() -> Iterator[None]:
    """Turns the errors of the library into a Failure with status 2."""
    try:
        yield
    except (ValueError, TypeError, OSError, ImportError, RuntimeError, MemoryError) as error:
        raise Failure(error, 2) from error
