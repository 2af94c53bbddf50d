"""`npseq gradcheck my_module:case` checks a gradient that somebody else's module names."""

import importlib
import sys
from typing import Any

from npseq.commands.answers import answer
from npseq.commands.failure import Failure, bad_input


def own_gradcheck(target: str, methods: list[str], json: bool) -> None:
    """Checks what `case()` of "my_module:case" returns by each method, and prints the reports."""
    from npseq.gradcheck import Report, gradcheck

    with bad_input():
        case = _case(target)
    found = case()  # an error of its own is shown as Python shows it
    if isinstance(found, Report):
        reports = {found.method: found}
    else:
        with bad_input():
            f, at, gradient = _arguments(target, found)
            reports = {method: gradcheck(f, at, gradient, method=method) for method in methods}
    failed = [method for method, report in reports.items() if not report]
    checks = [{"check": m, "passed": bool(r), "max_error": float(r.max_error)} for m, r in reports.items()]
    answer("\n".join(map(str, reports.values())), {"passed": not failed, "checks": checks}, json)
    if failed:
        raise Failure(f"{target} did not pass by method {', '.join(failed)}", 1)


def _case(target: str) -> Any:
    """The function that is named, of a module that is found from the working folder too."""
    name, _, attribute = target.partition(":")
    if not name or not attribute:
        raise ValueError(f"the argument must be module:function, as in my_module:case, got {target!r}")
    if "" not in sys.path:
        sys.path.insert(0, "")
    case = getattr(importlib.import_module(name), attribute, None)
    if not callable(case):
        raise ValueError(f"{attribute!r} of {name} must be a function without arguments, got {case!r}")
    return case


def _arguments(target: str, found: Any) -> tuple[Any, Any, Any]:
    if not isinstance(found, tuple) or len(found) not in (2, 3):
        raise TypeError(
            f"{target} must return (f, at, gradient), (f, at) or the report of a check, got {type(found).__name__}"
        )
    return (*found, None)[:3]
