"""Arrays of other libraries, or stand-ins for them, of the numbers of a NumPy array; and what an error says to do."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import scipy.sparse


class Units(np.ndarray):
    """A subclass with operators of its own, as pint's and astropy's are."""


class _Series:
    """What pandas and JAX have in common: a shape, a dtype, and a way to NumPy."""

    def __init__(self, values: np.ndarray):
        self.values, self.shape, self.dtype, self.ndim = values, values.shape, values.dtype, values.ndim

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: Any) -> Any:
        return type(self)(self.values[index])

    def tolist(self) -> list:
        return self.values.tolist()

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array(self.values, dtype)


class Pandas(_Series):
    def to_numpy(self) -> np.ndarray:
        return self.values


class Jax(_Series):
    def item(self) -> Any:
        return self.values.item()


Pandas.__module__, Jax.__module__ = "pandas.core.series", "jaxlib._jax"


def _masked(values: np.ndarray) -> Any:
    return np.ma.masked_array(values, np.zeros(values.shape, bool))


def _torch(values: np.ndarray) -> Any:
    import torch

    tensor = torch.tensor(values)
    return tensor.requires_grad_() if values.dtype.kind in "fc" else tensor


def _jax(values: np.ndarray) -> Any:
    import jax

    return jax.numpy.asarray(values)


def _objects(values: np.ndarray) -> np.ndarray:
    return values.astype(object)


def _matrix(values: np.ndarray) -> np.ndarray:
    return values.view(np.matrix)


ANY: dict[str, Callable[[np.ndarray], Any]] = {
    "pandas": Pandas,
    "jax's stand-in": Jax,
    "masked": _masked,
    "units": lambda values: values.view(Units),
    "objects": _objects,
    "memoryview": lambda values: memoryview(np.ascontiguousarray(values)),
}
INSTALLED = {name: make for name, make in {"torch": _torch, "jax": _jax}.items() if find_spec(name)}
OF_TWO_AXES = {"matrix": _matrix, "sparse": lambda values: scipy.sparse.csr_array(values)}
OF_ONE_AXIS = {"array.array": lambda values: array(values.dtype.char, values.tolist())}


def kinds(ndim: int) -> dict[str, Callable[[np.ndarray], Any]]:
    """Those that an array of so many axes can be."""
    return {**ANY, **INSTALLED, **(OF_TWO_AXES if ndim == 2 else OF_ONE_AXIS if ndim == 1 else {})}


def follow(text: str, value: Any) -> np.ndarray:
    """The array that an error's remedy makes of the value, whatever it is called there."""
    expression = re.search(r"; pass (.*?)(, with .*)?$", text)
    assert expression is not None, text
    code = re.sub(r"^(numpy\.\w+\((?:list\()?)?[\w.]+?(\[[^]]*\])*(?=[.,)])", r"\1given", expression[1], count=1)
    return eval(code, {"numpy": np, "given": value, "number": 0})
