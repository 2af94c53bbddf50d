"""The remedies of npseq's errors, followed: the call must then succeed, or be refused for another reason."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from robustness.odd_arguments import Odd
from robustness.public_api_calls import Case, Given

import npseq as ns

NAMES = {"numpy": np, "np": np, "ns": ns, "number": 0}
CODE = re.compile(r"; .*(?:numpy\.\w+\(|astype\(|\.to\(|\.filled\(|\.item\(|\.ravel\(|\[\.\.\.\]|list\(|\.split\()")

LAYER = re.compile(r"; use (?:the \w+ cast to \w+ or )?layer\.astype\('(\w+)'\)")  # and no cast of the argument


def _passed(match: re.Match[str], value: Any) -> Any:
    """; pass numpy.asarray(x), or ns.data.Vocabulary(list(x)), whatever x is called in the error."""
    code = re.sub(r"^((?:numpy|ns)\.[\w.]+\((?:list\()?)?[\w.]+?(\[[^]]*\])*(?=[.,)])", r"\1given", match[1], count=1)
    return eval(code, {**NAMES, "given": value})


def _as_type(match: re.Match[str], value: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return value.astype(np.dtype(match[1].strip("'\"")))


def _whole(value: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.asarray(value).astype(int)


REMEDIES: dict[str, Callable[[re.Match[str], Any], Any]] = {
    r"; pass ((?:numpy\.\w+\(|\w+[\[.]).*?)(?: to .*|, with .*)?$": _passed,
    r"; pass list\(\w+\)": lambda match, value: list(value),
    r"; pass int\(\w+\)": lambda match, value: int(value),
    r"numpy\.asarray\(\.\.\.\)\.astype\(int\)": lambda match, value: _whole(value),
    r"\.?astype\(['\"]?(?:numpy\.)?(\w+)['\"]?\)": _as_type,
    r"; pass \[\w+\]$": lambda match, value: [value],
    r"; give None$|; None ": lambda match, value: None,
    r"numpy\.asarray makes one of a list": lambda match, value: np.asarray(value),
}


def followed(
    case: Case, given: Given, oddities: dict[str, Odd], error: Exception, call: Callable[[Case, Given], Any]
) -> str:
    """ "" if the error names no remedy, or one that works."""
    said = str(error)
    name = next((name for name in oddities if re.match(rf"{name}\b", said)), None)
    if name is None:
        return ""
    owner = next((key for key in ("layer", "model", "self") if hasattr(given.get(key), "astype")), None)
    if owner and (match := LAYER.search(said)):
        after = call(case, {**given, owner: given[owner].astype(match[1])})
        return f"the remedy of {said!r} does not help" if str(after) == said else ""
    for pattern, follow in REMEDIES.items():
        if match := re.search(pattern, said):
            try:
                mended = {**given, name: _mended(said, name, given[name], lambda value, m=match, f=follow: f(m, value))}
            except Exception as failure:
                return f"the remedy of {said!r} fails: {failure!r}"
            after = call(case, mended)
            return f"the remedy of {said!r} does not help" if str(after) == said else ""
    return f"the remedy of {said!r} is not followed" if CODE.search(said) else ""


def _mended(said: str, name: str, value: Any, follow: Callable[[Any], Any]) -> Any:
    """The argument mended, or the entry of it that the error is about: grads['W'], state[0][1], weights[2]."""
    entry = re.match(rf"{re.escape(name)}\[(?:'(.+?)'|(\d+))\]", said)
    if entry is None or not isinstance(value, dict | list | tuple):
        return follow(value)
    key: Any = entry[1] if entry[1] is not None else int(entry[2])
    part = _mended(said, entry[0], value[key], follow)
    if isinstance(value, dict):
        return {**value, key: part}
    changed = [part if k == key else one for k, one in enumerate(value)]
    return type(value)(changed) if type(value) in (list, tuple) else type(value)(*changed)
