"""A bar on the terminal while a command works."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 1.0  # seconds before it is shown


@contextmanager
def bar(what: str, total: int, unit: str, *, quiet: bool = False) -> Iterator[Callable[[int], object]]:
    """Yields a function that counts what is done, and shows it on stderr, if that is a terminal and it takes long."""
    from tqdm import tqdm

    with tqdm(
        total=total,
        desc=what,
        unit=f" {unit}",
        bar_format="{desc} {percentage:3.0f}% |{bar}| {elapsed} < {remaining}",
        dynamic_ncols=True,
        leave=False,
        delay=PATIENCE,
        disable=True if quiet else None,
    ) as shown:
        yield shown.update


@contextmanager
def parts(*, quiet: bool = False) -> Iterator[Callable[[str], object]]:
    """Yields a function that shows on stderr, if that is a terminal, what is done next, and for how long it has run."""
    from tqdm import tqdm

    with tqdm(bar_format="{elapsed} {desc}", leave=False, disable=True if quiet else None) as shown:
        yield shown.set_description_str
