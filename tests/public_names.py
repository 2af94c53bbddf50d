"""Everything public: what `__all__` of npseq and of its namespaces lists, and the methods of its classes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import npseq as ns


def listed(module: ModuleType) -> dict[str, Any]:
    """What `__all__` lists; without it, the functions and classes that the module defines."""
    own = [name for name, thing in vars(module).items() if getattr(thing, "__module__", "") == module.__name__]
    return {name: getattr(module, name) for name in getattr(module, "__all__", own) if not name.startswith("_")}


def public(module: ModuleType = ns, path: str = "npseq") -> Iterator[tuple[str, Any]]:
    """(name, function or class) of everything public; what has two names comes twice."""
    for name, thing in listed(module).items():
        if isinstance(thing, ModuleType):
            yield from public(thing, f"{path}.{name}")
        elif inspect.isclass(thing) or inspect.isroutine(thing):
            yield f"{path}.{name}", thing


def methods(cls: type) -> Iterator[tuple[str, Any]]:
    """(name, method) of a class and of the classes of npseq that it extends."""
    for base in cls.__mro__:
        if base.__module__.startswith("npseq"):
            for name in vars(base):
                if inspect.isroutine(getattr(base, name)) and not name.startswith("_"):
                    yield f"{base.__module__}.{base.__qualname__}.{name}", getattr(base, name)


THINGS = {id(thing): (name, thing) for name, thing in public()}.values()
CLASSES = [thing for _, thing in THINGS if inspect.isclass(thing)]
METHODS = {name: method for cls in CLASSES for name, method in methods(cls)}.items()
