"""How a command ends that cannot do what it was told."""

from collections.abc import Iterator
from contextlib import contextmanager

SIGNALLED = 128  # and the signal's number: what a shell takes for a command that a signal has ended
INTERRUPTED = SIGNALLED + 2


class Failure(Exception):
    """What ends a command: one line for stderr, and the exit status."""

    def __init__(self, message: object, status: int):
        super().__init__(" ".join(str(message).split()))
        self.status = status


@contextmanager
def bad_input() -> Iterator[None]:
    """What the library refuses becomes one line."""
    try:
        yield
    except (ValueError, TypeError, OSError, ImportError, RuntimeError, MemoryError) as error:
        raise Failure(error, 2) from error
