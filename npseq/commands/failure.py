"""A command that fails ends with one line on stderr and an exit status."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

SIGNALLED = 128  # plus the signal's number: a shell's status of a command that a signal has ended
INTERRUPTED = SIGNALLED + 2


class Failure(Exception):
    """Ends a command with one line on stderr and this exit status."""

    def __init__(self, message: object, status: int):
        super().__init__(" ".join(str(message).split()))
        self.status = status


def in_flags(message: str, flags: Iterable[str]) -> str:
    """Returns a message with Python's arguments as flags: batch_size is --batch-size, clean='none' is --clean none."""
    known = {flag[2:].replace("-", "_"): flag for flag in flags}
    message = re.sub(  # lr=1 and overwrite=True
        r"\b(\w+)=(?:True\b|'?(\w[\w.]*\w|\w)'?)",
        lambda found: f"{known[found[1]]} {found[2] or ''}".strip() if found[1] in known else found[0],
        message,
    )
    word = r"(?<![\w/.'-])(\w+_\w+)(?!['/]|\.\w)"
    return re.sub(word, lambda found: known.get(found[1], found[1]), message).replace("Run.resume", "--resume")


@contextmanager
def bad_input() -> Iterator[None]:
    """Turns the errors of the library into a Failure with status 2."""
    try:
        yield
    except (ValueError, TypeError, OSError, ImportError, RuntimeError, MemoryError) as error:
        raise Failure(error, 2) from error
