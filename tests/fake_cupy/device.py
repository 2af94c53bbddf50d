"""A parity test gets a Device: it moves arrays there and compares numbers with the host's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

TOLERANCE = {"float64": 1e-12, "float32": 1e-5, "complex128": 1e-12}


class Device(NamedTuple):
    xp: ModuleType
    no_sync: Callable[[], AbstractContextManager]  # inside, a copy to the host raises

    def put(self, value: Any) -> Any:
        """A host array, or a structure of them, on the device."""
        return mapped(value, lambda array: self.xp.asarray(array), np.ndarray)

    def assert_same(self, found: Any, expected: Any) -> None:
        """Asserts that all of found is on the device, with the expected shapes and dtypes, and the host's numbers."""
        for (name, here), (_, there) in zip(leaves(found), leaves(expected), strict=True):
            assert isinstance(here, self.xp.ndarray), f"{name} left the device: {type(here)}"
            there = np.asarray(there)
            assert (here.shape, here.dtype) == (there.shape, there.dtype), name
            assert_near(here.get(), there, name)


def assert_near(found: np.ndarray, expected: np.ndarray, name: str = "") -> None:
    """Asserts equality to the scale of the expected array; exactly where that is zero, nan or infinite."""
    finite = np.abs(expected[np.isfinite(expected)])
    tolerance = TOLERANCE.get(expected.dtype.name, 0) * finite.max(initial=0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance, err_msg=name)


def mapped(value: Any, change: Callable[[Any], Any], kind: type) -> Any:
    """Changes every array of this kind, also in tuples, lists and mappings."""
    if isinstance(value, kind):
        return change(value)
    if isinstance(value, Mapping):
        return {name: mapped(part, change, kind) for name, part in value.items()}
    if isinstance(value, (tuple, list)):
        parts = [mapped(part, change, kind) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def leaves(value: Any, name: str = "") -> list[tuple[str, Any]]:
    """(name, array) of every array, in order; None and the mark of a tape's parameters are left out."""
    if isinstance(value, Mapping):
        return [leaf for key in value for leaf in leaves(value[key], f"{name}.{key}")]
    if isinstance(value, (tuple, list)):
        names = getattr(value, "_fields", range(len(value)))
        return [
            leaf
            for key, part in zip(names, value, strict=True)
            if key != "mark"
            for leaf in leaves(part, f"{name}.{key}")
        ]
    return [] if value is None else [(name, value)]
