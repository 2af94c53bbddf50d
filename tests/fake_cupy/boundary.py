"""`pytest --fake-cupy` runs any test of npseq on the fake CuPy, unchanged.

Arrays that a test passes to npseq are on the device while npseq works, and on the host again when the test reads them.
They are wrapped on the way and not copied: views stay views, writes in place are seen, read-only arrays stay read-only.
Between the two the fake CuPy is as strict as ever.

What npseq's annotations place on the host stays there: an argument or a field that is an `np.ndarray` and no `Array`,
such as the probabilities of a truncation, and a function to a number.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import os
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, GeneratorType, MethodType, ModuleType
from typing import Any

import numpy as np
import pytest
from fake_cupy import device_module
from fake_cupy.device_array import KINDS, ndarray
from fake_cupy.host_only import HOST_TESTS, STAYS

ROOT = Path(__file__).parents[2]
HOSTS = tuple(f"{ROOT / part}{os.sep}" for part in ("tests", "benchmarks"))
STAY = {"to", "bind", "astype", "load"}  # methods that decide the device or the arrays of a layer


class Boundary:
    """The one boundary: which side the running code is on, and the objects that were moved to it."""

    def __init__(self) -> None:
        self.inside = False
        self.moved: list[Any] = []

    def enter(self, objects: list[Any]) -> None:
        self.inside = True
        for one in objects:
            _convert(one, _to_device)

    def leave(self, objects: list[Any]) -> None:
        self.inside = False
        for one in objects:
            _convert(one, _seen)


boundary = Boundary()


class HostObject:
    """A test's or a benchmark's own object in place of a model or an optimizer: its methods run on the host."""

    def __init__(self, one: Any):
        self.behind_boundary = one

    def __getattr__(self, name: str) -> Any:
        return _to_device(getattr(self.behind_boundary, name))


def _is_host_object(value: Any) -> bool:
    """Whether a class of a test or a benchmark made it; a cell of theirs is npseq's to run, as another cell is."""
    from npseq.cell import Cell

    if isinstance(value, (type, tuple, np.ndarray, ndarray, Cell, *_kinds())) or callable(value):
        return False
    path = getattr(sys.modules.get(type(value).__module__), "__file__", None) or ""
    return path.startswith(HOSTS)


def on_device(function: Callable) -> Callable:
    """Returns a function of host arrays that does its work on the device."""
    names, of_host = list(inspect.signature(function).parameters), _of_host(function)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if boundary.inside:
            return function(*args, **kwargs)
        before, objects = boundary.moved, _holders((args, kwargs))
        boundary.moved = [*before, *objects]
        boundary.enter(objects)
        args = tuple(a if k < len(names) and names[k] in of_host else _to_device(a) for k, a in enumerate(args))
        kwargs = {name: value if name in of_host else _to_device(value) for name, value in kwargs.items()}
        try:
            return _to_host(function(*args, **kwargs))
        finally:
            boundary.leave(objects)
            boundary.moved = before

    return call


@functools.cache
def _of_host(kind: Any) -> frozenset[str]:
    """The parameters or fields whose annotations place them on the host."""
    names = getattr(kind, "__globals__", {})
    written = {name: str(a) for name, a in getattr(kind, "__annotations__", {}).items()}
    written = {name: str(names.get(a, a)) for name, a in written.items()}  # an annotation may be an alias, as Step is
    return frozenset(name for name, a in written.items() if _is_of_host(a))


def _is_of_host(annotation: str) -> bool:
    """Array is numpy.ndarray[typing.Any, typing.Any] once an annotation is evaluated, a host array numpy.ndarray."""
    any_array = "Array" in annotation or "typing.Any" in annotation
    return not any_array and ("ndarray" in annotation or annotation.endswith("float]"))


def _called_back(function: Callable) -> Callable:
    """Wraps a function of a test, or of a module of the host, which npseq calls, so that it runs on the host."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        objects = [*boundary.moved, *_holders((args, kwargs))]
        boundary.leave(objects)
        try:
            found = function(*_seen(args), **_seen(kwargs))
        finally:
            boundary.enter(objects)
        return _to_device(np.asarray(found) if isinstance(found, np.inexact) else found)

    call.behind_boundary = function
    return call


def _seen(value: Any) -> Any:
    """What a test's function is given, or an object holds: an array of no dimension stays one, to be written."""
    return value._host if isinstance(value, ndarray) else _mapped(value, _seen)


def _to_device(value: Any) -> Any:
    if type(value) is np.ndarray:
        return ndarray(value) if value.dtype.char in KINDS else value
    if isinstance(value, MethodType) or (isinstance(value, (FunctionType, functools.partial)) and not _is_inner(value)):
        return _called_back(value)
    return HostObject(value) if _is_host_object(value) else _mapped(value, _to_device)


def _to_host(value: Any) -> Any:
    if isinstance(value, ndarray):
        return value._host if value.ndim else value._host[()]
    if isinstance(value, GeneratorType):
        return _steps(value)
    if isinstance(value, (HostObject, FunctionType)) and hasattr(value, "behind_boundary"):
        return value.behind_boundary
    if isinstance(value, FunctionType):
        return on_device(value)
    _convert(value, _to_host)
    return _mapped(value, _to_host)


def _steps(generator: GeneratorType) -> Iterator[Any]:
    """A generator whose every step runs on the device."""
    end = object()
    step = on_device(lambda: next(generator, end))
    while (found := step()) is not end:
        yield found


def _mapped(value: Any, change: Callable) -> Any:
    if type(value) is dict:
        return {name: change(part) for name, part in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        of_host = _of_host(type(value))
        fields = zip(value._fields, value, strict=True)
        return type(value)(*(part if name in of_host else change(part) for name, part in fields))
    if isinstance(value, (tuple, list)):
        return type(value)(change(part) for part in value)
    return value


def _is_npseq(value: Any) -> bool:
    return str(getattr(value, "__module__", "")).split(".")[0] == "npseq"


def _is_inner(function: Any) -> bool:
    """Whether a module of npseq that does not stay on the host defines it."""
    return _is_npseq(function) and not _stays(function.__module__)


def _holders(value: Any) -> list[Any]:
    """The layers, models, parameters and optimizers among these arguments."""
    kinds = _kinds()
    if isinstance(value, kinds):
        return [value]
    if type(value) is dict:
        value = list(value.values())
    return [one for part in value for one in _holders(part)] if isinstance(value, (tuple, list)) else []


@functools.cache
def _kinds() -> tuple[type, ...]:
    from npseq.layers.layer import Layer
    from npseq.models import LanguageModel
    from npseq.optim import Optimizer
    from npseq.parameters import Parameters

    return Layer, LanguageModel, Optimizer, Parameters


def _convert(value: Any, change: Callable) -> None:
    """Moves, in place, the arrays that such an object holds."""
    layer, model, optimizer, parameters = _kinds()
    if isinstance(value, parameters):
        shared = {name: change(view) for name, view in value._named.items() if name not in value.layout.names}
        value.__setstate__((value.layout, change(value.flat), value._last_write))
        for name, view in shared.items():
            value.share(name, view)
    elif isinstance(value, optimizer):
        value.state = change(value.state)
    elif isinstance(value, (layer, model)):
        for name, part in list(vars(value).items()):
            if name.startswith("_"):
                continue
            for one in _holders([part]):
                _convert(one, change)
            if isinstance(part, (tuple, list, np.ndarray, ndarray)):
                setattr(value, name, change(part))


def install() -> ModuleType:
    """Wraps npseq's public functions and methods, under every name that they have."""
    cupy = device_module.install()
    modules = list(_modules())
    known: dict[int, Callable] = {}
    for module in modules:
        for name, value in list(vars(module).items()):
            if isinstance(value, type) and value.__module__ == module.__name__:
                _around_methods(value)
            elif isinstance(value, FunctionType) and _public(name, value) and _is_offered(module, value):
                known.setdefault(id(value), on_device(value))
                setattr(module, name, known[id(value)])
    contract = sys.modules["npseq.layers.contract"]
    contract._check = _as_it_is(contract._check)  # which tries a cell on a few numbers, on the host
    return cupy


def _as_it_is(function: Callable) -> Callable:
    """Returns a function that nothing is moved for, nor for what it calls."""

    def call(*args: Any) -> Any:
        before, boundary.inside = boundary.inside, True
        try:
            return function(*args)
        finally:
            boundary.inside = before

    return call


def _modules() -> Iterator[ModuleType]:
    import npseq

    for found in pkgutil.walk_packages(npseq.__path__, "npseq."):
        if not found.name.endswith("__main__"):
            with contextlib.suppress(ModuleNotFoundError):  # a part for a library that is not installed
                importlib.import_module(found.name)
    return iter([sys.modules[name] for name in sorted(sys.modules) if name.split(".")[0] == "npseq"])


def _public(name: str, function: Callable) -> bool:
    return not name.startswith("_") and _is_inner(function)


def _stays(module: str) -> bool:
    """Whether a module is about files and terminals: what it calls is wrapped, its own functions are not."""
    return any(f"{module}.".startswith(f"npseq.{name}.") for name in STAYS)


def _is_offered(module: ModuleType, function: Callable) -> bool:
    """Whether a package or its own module offers it, or a module of the host calls it; other imports are left alone."""
    return hasattr(module, "__path__") or function.__module__ == module.__name__ or _stays(module.__name__)


def _around_methods(kind: type) -> None:
    from npseq.cell import Cell

    if not issubclass(kind, (*_kinds()[:3], Cell)):
        return
    for name, value in list(vars(kind).items()):
        if isinstance(value, FunctionType) and not name.startswith("_") and name not in STAY:
            setattr(kind, name, on_device(value))


def leave_out(items: list[pytest.Item]) -> None:
    """Skips, by name and with the reason, tests of the host."""
    for item in items:
        for parts, reason in HOST_TESTS.items():
            if re.search(".*".join(map(re.escape, parts.split(" ... "))), item.nodeid):
                item.add_marker(pytest.mark.skip(reason=reason))
