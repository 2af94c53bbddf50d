"""Any test of npseq, as it stands, on the stand-in for CuPy: `pytest --standin`.

What a test hands to npseq is on the device while npseq works, and on the host again when the test looks at it. It is
wrapped on the way and not copied, since the stand-in's memory is the host's: views stay views, what is written in place
is written, and what must not be written on is still read-only. In between the stand-in is as strict as ever.

What npseq's annotations say is of the host stays there: an argument or a field that is an `np.ndarray` and no `Array`,
such as a truncation's probabilities, and a function to a number.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, GeneratorType, MethodType, ModuleType
from typing import Any

import numpy as np
import pytest
from standin import device_module
from standin.device_array import KINDS, ndarray
from standin.host_only import HOST_TESTS

STAYS = (
    "backend", "cli", "commands", "interop", "plot", "training.inspection", "training.mpi", "training.ranks",
    "training.run",
)  # fmt: skip
TESTS = str(Path(__file__).parents[1])
STAY = {"to", "bind", "astype", "load"}  # methods that say where a layer is, or what it is made of


class Border:
    """The one border: which side the running code is on, and the objects that wait on the other."""

    def __init__(self) -> None:
        self.inside = False
        self.moved: list[Any] = []

    def enter(self, objects: list[Any]) -> None:
        self.inside = True
        for one in objects:
            _convert(one, _there)

    def leave(self, objects: list[Any]) -> None:
        self.inside = False
        for one in objects:
            _convert(one, _here)


border = Border()


class Guest:
    """A test's own object that npseq is given in the place of a model or an optimizer: its methods run on the host."""

    def __init__(self, border: Any):
        self.border = border

    def __getattr__(self, name: str) -> Any:
        return _there(getattr(self.border, name))


def _is_guest(value: Any) -> bool:
    if isinstance(value, (type, tuple, np.ndarray, ndarray, *_kinds())) or callable(value):
        return False
    path = getattr(sys.modules.get(type(value).__module__), "__file__", None) or ""
    return path.startswith(TESTS)


def carried(function: Callable) -> Callable:
    """The same function of host arrays, its work done on the device."""

    names, of_host = list(inspect.signature(function).parameters), _of_host(function)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if border.inside:
            return function(*args, **kwargs)
        before, objects = border.moved, _holders((args, kwargs))
        border.moved = [*before, *objects]
        border.enter(objects)
        args = tuple(a if k < len(names) and names[k] in of_host else _there(a) for k, a in enumerate(args))
        kwargs = {name: value if name in of_host else _there(value) for name, value in kwargs.items()}
        try:
            return _here(function(*args, **kwargs))
        finally:
            border.leave(objects)
            border.moved = before

    return call


@functools.cache
def _of_host(kind: Any) -> frozenset[str]:
    """The parameters or fields that are the host's by their annotations."""
    names = getattr(kind, "__globals__", {})
    said = {name: str(a) for name, a in getattr(kind, "__annotations__", {}).items()}
    said = {name: str(names.get(a, a)) for name, a in said.items()}  # an annotation may be another's name, as Step is
    return frozenset(name for name, a in said.items() if "Array" not in a and ("ndarray" in a or a.endswith("float]")))


def _called_back(function: Callable) -> Callable:
    """A test's own function, given to npseq: it is run on the host."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        objects = [*border.moved, *_holders((args, kwargs))]
        border.leave(objects)
        try:
            found = function(*_seen(args), **_seen(kwargs))
        finally:
            border.enter(objects)
        return _there(np.asarray(found) if isinstance(found, np.inexact) else found)

    call.border = function
    return call


def _seen(value: Any) -> Any:
    """What a test's function is given: numbers are still arrays, to be written on."""
    return value._host if isinstance(value, ndarray) else _mapped(value, _seen)


def _there(value: Any) -> Any:
    if type(value) is np.ndarray:
        return ndarray(value) if value.dtype.char in KINDS else value
    if isinstance(value, MethodType) or (isinstance(value, (FunctionType, functools.partial)) and not _is_npseq(value)):
        return _called_back(value)
    return Guest(value) if _is_guest(value) else _mapped(value, _there)


def _here(value: Any) -> Any:
    if isinstance(value, ndarray):
        return value._host if value.ndim else value._host[()]
    if isinstance(value, GeneratorType):
        return _steps(value)
    if hasattr(value, "border"):
        return value.border
    if isinstance(value, FunctionType):
        return carried(value)
    _convert(value, _here)
    return _mapped(value, _here)


def _steps(generator: GeneratorType) -> Iterator[Any]:
    """A generator whose every step is taken inside."""
    end = object()
    step = carried(lambda: next(generator, end))
    while (found := step()) is not end:
        yield found


def _mapped(value: Any, change: Callable) -> Any:
    if type(value) is dict:
        return {name: change(part) for name, part in value.items()}
    if hasattr(value, "_fields"):
        of_host = _of_host(type(value))
        fields = zip(value._fields, value, strict=True)
        return type(value)(*(part if name in of_host else change(part) for name, part in fields))
    if isinstance(value, (tuple, list)):
        return type(value)(change(part) for part in value)
    return value


def _is_npseq(value: Any) -> bool:
    return str(getattr(value, "__module__", "")).split(".")[0] == "npseq"


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
    """Carries over, in place, what such an object holds."""
    layer, model, optimizer, parameters = _kinds()
    if isinstance(value, parameters):
        value.flat, value._views, value._named = change(value.flat), {}, {}
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
    """Puts the border around npseq's public functions and methods, wherever they are named."""
    cupy = device_module.install()
    modules = list(_modules())
    known: dict[int, Callable] = {}
    for module in modules:
        for name, value in list(vars(module).items()):
            if isinstance(value, type) and value.__module__ == module.__name__:
                _around_methods(value)
            elif isinstance(value, FunctionType) and _public(name, value) and _is_offered(module, value):
                known.setdefault(id(value), carried(value))
                setattr(module, name, known[id(value)])
    return cupy


def _modules() -> Iterator[ModuleType]:
    import npseq

    for found in pkgutil.walk_packages(npseq.__path__, "npseq."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    return iter([sys.modules[name] for name in sorted(sys.modules) if name.split(".")[0] == "npseq"])


def _public(name: str, function: Callable) -> bool:
    return not name.startswith("_") and _is_npseq(function) and not _stays(function.__module__)


def _stays(module: str) -> bool:
    """Files and terminals: what they call is carried over, they are not."""
    return any(f"{module}.".startswith(f"npseq.{name}.") for name in STAYS)


def _is_offered(module: ModuleType, function: Callable) -> bool:
    """Where it stands or a package offers it; what npseq's own modules have imported of each other is left as it is."""
    return hasattr(module, "__path__") or function.__module__ == module.__name__


def _around_methods(kind: type) -> None:
    from npseq.cell import Cell

    if not issubclass(kind, (*_kinds()[:3], Cell)):
        return
    for name, value in list(vars(kind).items()):
        if isinstance(value, FunctionType) and not name.startswith("_") and name not in STAY:
            setattr(kind, name, carried(value))


def leave_out(items: list[pytest.Item]) -> None:
    """Skips, by name and with the reason, what is about the host."""
    for item in items:
        for parts, reason in HOST_TESTS.items():
            if re.search(".*".join(map(re.escape, parts.split(" ... "))), item.nodeid):
                item.add_marker(pytest.mark.skip(reason=reason))
