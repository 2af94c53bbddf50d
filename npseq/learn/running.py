"""Runs the function that somebody wrote, and keeps what its names held at its end, or where it failed."""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from linecache import getline
from traceback import walk_tb
from types import FrameType
from typing import Any, NamedTuple

import numpy as np

LINES = 200_000  # of Python, of which an exercise takes a hundred; an endless loop is stopped there


class Ran(NamedTuple):
    """What came of a function."""

    values: dict[str, Any]  # by name: its local variables, and what it returned
    error: str  # what Python said; empty where the function came to its end
    changed: tuple[str, ...]  # the arguments that it has written over
    arguments: dict[str, Any]  # as it left them


class TooLong(Exception):
    """Ends a function that runs on."""


def run(function: Callable[..., Any], arguments: Mapping[str, Any], names: tuple[str, ...]) -> Ran:
    """Calls a function with copies of these arguments, in their order.

    Args:
        function: what somebody wrote.
        arguments: by name.
        names: of the results, for a function that returns a tuple.
    """
    handed: dict[str, Any] = {n: np.copy(value) if np.ndim(value) else float(value) for n, value in arguments.items()}
    before, error = {name: np.copy(value) for name, value in handed.items()}, ""
    watch = _Watch(getattr(function, "__code__", None))
    outer = sys.gettrace()
    sys.settrace(watch)
    try:
        returned = function(*handed.values())
    except Exception as failed:  # whatever somebody's own code raises is an answer to them
        returned, error = None, f"{type(failed).__name__}: {failed}{_where(failed, watch.code)}"
    finally:
        sys.settrace(outer)
    found = {**watch.values, **_named(returned, names)}
    changed = tuple(name for name, value in handed.items() if not np.array_equal(value, before[name]))
    return Ran(found, error, changed, handed)


def _where(failed: Exception, code: Any) -> str:
    """The line of the function at which it failed, as it is written."""
    at = [line for frame, line in walk_tb(failed.__traceback__) if frame.f_code is code]
    text = getline(code.co_filename, at[-1]).strip() if at and not code.co_filename.endswith(".ipynb") else ""
    return f"; at {text!r}" if text else ""


def explained(error: str, given: Iterable[str]) -> str:
    """What Python said, with what helps against it; given: the names that the function may read."""
    unknown = re.match(r"NameError: name '(\w+)' is not defined", error)
    if unknown is not None:
        name, names = unknown[1], ", ".join(name for name in given if "[" not in name)
        return error.replace(
            unknown[0], f"write np.{name}" if hasattr(np, name) else f"{name} is not given, only {names}"
        )
    return f"a power is **, not ^ ({error})" if "bitwise_xor" in error or "for ^:" in error else error


def _named(returned: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """What a function returned, by name."""
    if isinstance(returned, Mapping):
        return {name: returned[name] for name in names if name in returned}
    if isinstance(returned, tuple | list) and len(returned) == len(names):
        return dict(zip(names, returned, strict=True))
    return {names[0]: returned} if len(names) == 1 and returned is not None else {}


class _Watch:
    """Follows the lines of a function, as a debugger does."""

    def __init__(self, code: Any):
        self.code, self.lines = code, 0
        self.values: dict[str, Any] = {}

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Any:
        self.lines += event == "line"
        if self.lines > LINES:
            raise TooLong(f"more than {LINES} lines were run; is there a loop without an end?")
        if frame.f_code is self.code and event == "return":
            self.values = dict(frame.f_locals)
        return self
