"""What a call may do: return the right answer, or raise npseq's own error before anything is drawn or written."""

from __future__ import annotations

import inspect
import linecache
import re
import types
import warnings
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from robustness.odd_arguments import Odd, Rng, near, odd
from robustness.public_api_calls import Case, Given
from robustness.remedies import followed

import npseq as ns

ROOT = str(Path(ns.__file__).parent)
OWN = (ValueError, TypeError, KeyError, ImportError, OSError, MemoryError, RuntimeError, ArithmeticError)
FOREIGN = (  # words of Python's, of NumPy's and of SciPy's
    "operands could not be broadcast", "unsupported operand", "object has no attribute", "cannot be interpreted",
    "not subscriptable", "invalid literal", "setting an array element", "must be real number, not", "unhashable",
    "not iterable", "has no len()", "not callable", "truth value of", "only integer scalar", "only length-1",
    "could not convert", "not supported between", "positional argument", "unexpected keyword", "object is not",
    "'NoneType' object", "index out of range", "out of bounds", "cannot reshape", "object of type", "not match the",
    "Cannot cast", "cannot convert", "all the input array", "shapes must", "expected str, bytes",
    "too many values", "not enough values", "list indices", "string indices", "cannot unpack", "core dimension",
    "argument must be", "loop of ufunc", "zero-size array", "cannot concatenate", "same number of dimensions",
)  # fmt: skip
FORM = re.compile(
    r"\bmust\b|\bneeds?\b|\btakes?\b|\bis for\b|\bare for\b|\bcannot\b|\bsay\b|; |\bhas no\b|\bno parameter\b"
)
CALLED = ("dy", "gradient", "lr", "visit", "on_step", "stop", "all_reduce")  # arguments that may be functions
STATES = ("_buffers", "_graphed", "_few", "_views", "_named", "_scratch", "_sample", "_last_write", "_whole")


def judge(case: Case, seed: Any) -> str:
    """ "" where a call with the arguments of this seed did what it may, else what it did."""
    given, oddities, good = arguments(case, np.random.default_rng(seed))
    before = fingerprint(given)
    result = call(case, given)
    if isinstance(result, AssertionError):
        return "" if case.function is ns.testing.assert_gradients else f"asserts: {result}"
    if isinstance(result, Exception):
        found = meant(result) or ("" if oddities else f"good arguments: {type(result).__name__}: {result}")
        found = found or changed(before, fingerprint(given), f"refused ({result}), and yet changed")
        return found or followed(case, given, oddities, result, call)
    if wrong := [name for name, one in oddities.items() if must_be_refused(case, name, good[name], one)]:
        return f"took {', '.join(f'{name} = {_short(given[name])}' for name in wrong)}"
    ignored = {name: None for name in case.writes}
    after = fingerprint({**given, **ignored}, False)
    if found := changed(fingerprint_without(before, ignored), after, "wrote on"):
        return found
    if oddities and all(one.is_same for one in oddities.values()):
        return unequal(case, seed, result, given)
    return ""


def arguments(case: Case, rng: Rng) -> tuple[Given, dict[str, Odd], Given]:
    """The arguments of a call, those that are odd, and the good ones in their place."""
    given = case.good(rng)
    names = [name for name in given if name not in ("self", *case.left_out)]
    count = int(rng.integers(0, 3)) if names else 0
    oddities, good = {}, dict(given)
    for name in map(str, rng.permutation(names)[:count]):
        small = name in case.bounded
        one = near(rng, given[name], small) if rng.random() < 0.6 else Odd(odd(rng, small))
        if not callable(one.value) or not (callable(given[name]) or name in CALLED):  # that one is its own affair
            given[name] = one.value
            oddities[name] = one
    if type(given.get("rng")) is int and "rng" not in oddities and rng.random() < 0.5:
        given["rng"] = np.random.default_rng(given["rng"])  # of which a refused call may draw nothing
    return given, oddities, good


def call(case: Case, given: Given) -> Any:
    """What the call returns, a generator as a list; or the error."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("error")
            result = case.function(**given)
            return list(islice(result, 1000)) if isinstance(result, types.GeneratorType) else result
    except Exception as error:
        return error


def meant(error: Exception) -> str:
    """ "" for an error that npseq raises, in its own words."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    file, line = trace.tb_frame.f_code.co_filename, trace.tb_lineno
    text, said = linecache.getline(file, line).strip(), str(error)
    what = f"{type(error).__name__}: {said} at {file.removeprefix(ROOT)}:{line}: {text}"
    raised = any("raise " in linecache.getline(file, line - back) for back in range(2))
    if not isinstance(error, OWN) or not file.startswith(ROOT) or not raised:
        return what
    if not FORM.search(said) or any(phrase in said for phrase in FOREIGN):
        return f"words: {what}"
    return "" if len(said) < 2000 else f"too long: {what:.200}"


# what a call changed


def fingerprint(value: Any, generators: bool = True) -> dict[str, Any]:
    """{path: bits} of all arrays and generators that can be reached."""
    found: dict[str, Any] = {}
    _walk(value, "", found, set(), generators)
    return found


def _walk(value: Any, path: str, found: dict[str, Any], seen: set[int], generators: bool) -> None:
    if isinstance(value, np.random.Generator):
        if generators:
            found[path] = str(value.bit_generator.state)
    elif isinstance(value, np.ndarray | np.generic) and type(value).__module__.startswith("numpy"):
        found[path] = (value.shape, str(value.dtype), repr(value) if value.dtype.hasobject else value.tobytes())
    elif isinstance(value, bool | int | float | complex | str | bytes | type(None)):
        found[path] = repr(value)
    elif id(value) in seen:
        return
    elif isinstance(value, Mapping) and not type(value).__module__.startswith("npseq"):
        seen.add(id(value))
        for key, part in value.items():
            _walk(part, f"{path}.{key}", found, seen, generators)
    elif isinstance(value, tuple | list):
        seen.add(id(value))
        for k, part in enumerate(value):
            _walk(part, f"{path}.{k}", found, seen, generators)
    elif type(value).__module__.startswith("npseq") and hasattr(value, "__dict__"):
        seen.add(id(value))
        for name, part in vars(value).items():
            if name not in STATES:
                _walk(part, f"{path}.{name}", found, seen, generators)


def fingerprint_without(before: dict[str, Any], ignored: Mapping[str, None]) -> dict[str, Any]:
    kept = {path: bits for path, bits in before.items() if path.split(".")[1] not in ignored}
    kept |= {f".{name}": "None" for name in ignored}
    return {path: bits for path, bits in kept.items() if not (isinstance(bits, str) and "bit_generator" in bits)}


def changed(before: dict[str, Any], after: dict[str, Any], what: str) -> str:
    differ = [path for path in before if path in after and before[path] != after[path]]
    return f"{what} {', '.join(differ[:5])}" if differ else ""


# the same numbers in another dress


def unequal(case: Case, seed: Any, result: Any, given: Given) -> str:
    """ "" if the result is that of the good arguments."""
    good = case.good(np.random.default_rng(seed))
    expected = call(case, good)
    if isinstance(expected, Exception):
        return f"good arguments: {type(expected).__name__}: {expected}"
    ours, theirs = ([*leaves((one, [kept[name] for name in case.writes if name in kept]))]
                    for one, kept in ((result, given), (expected, good)))  # fmt: skip
    if len(ours) != len(theirs):
        return f"another result: {len(ours)} arrays, not {len(theirs)}"
    for one, other in zip(ours, theirs, strict=True):
        if np.shape(one) != np.shape(other) or not np.allclose(one, other, rtol=1e-3, atol=1e-5, equal_nan=True):
            return f"another result: {_short(one)}, not {_short(other)}"
    return ""


def leaves(value: Any) -> Iterator[Any]:
    """Every number of a result, in order."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, tuple | list) and not type(value).__name__.endswith("Tape"):  # which may hold unused memory
        for one in value:
            yield from leaves(one)
    elif isinstance(value, np.ndarray | np.generic | int | float | complex) and np.asarray(value).dtype.kind in "biufc":
        yield np.asarray(value)
    elif isinstance(value, ns.layers.layer.Layer):
        yield value.params.flat


# what must be refused


def must_be_refused(case: Case, name: str, good: Any, one: Odd) -> bool:
    """Whether this is no argument of the right kind, whatever its value."""
    if one.is_same or name in case.open:
        return False
    value = one.value
    parameter = inspect.signature(case.function).parameters.get(name)
    note = "None" if parameter is None else str(parameter.annotation)
    if value is None:
        may_be = name in ("rng", "state") or "None" in note  # of a state, None is zeros
        return not may_be and (parameter is None or parameter.default is not None)
    if good is None:
        return _is_never_right(value)
    if name == "rng":
        return not isinstance(value, int | np.integer | np.random.Generator | list | tuple | np.ndarray | range) or (
            isinstance(value, bool)
        )
    return _is_wrong_for(good, value, "float" in note)


def _is_never_right(value: Any) -> bool:
    return isinstance(value, type | set | frozenset | slice | bytes | complex | BaseException) or value is Ellipsis


def _is_wrong_for(good: Any, value: Any, is_float: bool) -> bool:
    if _is_never_right(value) and not isinstance(good, type):
        return True
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    real = whole or isinstance(value, float | np.floating)
    zero_d = isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "iuf"
    if isinstance(good, bool):
        return not isinstance(value, bool | np.bool_ | int | np.integer)
    if isinstance(good, int) and not is_float:
        return not whole
    if isinstance(good, int | float):
        return not (real or zero_d) or bool(value != value)
    if isinstance(good, str):
        return not isinstance(value, str)
    if isinstance(good, np.ndarray):
        return _is_wrong_array(good, value)
    if isinstance(good, Mapping):
        return not isinstance(value, Mapping)
    if isinstance(good, list | tuple):
        return isinstance(value, bool | int | float | str)
    if callable(good) and not isinstance(good, type):
        return not callable(value)
    return isinstance(value, bool | int | float | str | np.ndarray | list | dict)


def _is_wrong_array(good: np.ndarray, value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return type(value) not in (np.ndarray, np.memmap) or value.dtype.kind not in {"i": "iu", "u": "iu"}.get(
            good.dtype.kind, "biufc"
        )
    return isinstance(value, str | Mapping | bool | int | float | np.random.Generator)


def _short(value: Any) -> str:
    return f"{value!r:.80}".replace("\n", " ")
