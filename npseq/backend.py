"""NumPy or CuPy: whose arrays these are, and all that the two do differently.

The module is read off the arguments once, at the public entry, and handed down. Mixed arguments are refused, never
copied in silence. Everything else in npseq is written once, against the part of the array API that both share.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

Array = Any  # numpy.ndarray or cupy.ndarray
SELECTOR = 1 << 26  # numbers: how large a table of one-hot rows may be on a device
MaybeArray = Any  # an Array, or None where the cell or the layer has no such thing


def _is_cupy(array: object) -> bool:
    return type(array).__module__.split(".")[0] == "cupy"


def array_module(*arrays: Array) -> ModuleType:
    """The module, numpy or cupy, whose arrays these are; None is passed over.

    Raises TypeError where host and device arrays are mixed, naming the remedy.
    """
    on_host = on_device = False
    for array in arrays:
        if type(array) is np.ndarray:
            on_host = True
        elif array is not None:
            on_device |= _is_cupy(array)
            on_host |= not _is_cupy(array)
            if isinstance(array, np.ma.MaskedArray | np.matrix):
                raise TypeError(f"an array must be a plain one, got a {type(array).__name__}; convert it: numpy.array")
    if not on_device:
        return np
    if on_host:
        raise TypeError(
            "all arrays of one call must live in one place, got both numpy and cupy arrays; "
            "move the layer with layer.to('gpu') and the data with cupy.asarray, or bring both back with .to('cpu')"
        )
    return sys.modules["cupy"]


_place = threading.local()  # which device this thread takes, where it was told


def take_device(place: int) -> None:
    """From now on device_module("gpu") makes device `place` this thread's, counted round where there are fewer."""
    _place.number = place


def device_module(device: str) -> ModuleType:
    """The array module of "cpu" or "gpu". Raises ImportError or RuntimeError where there is no CuPy or no device."""
    if isinstance(device, str) and device == "cpu":
        return np
    if not isinstance(device, str) or device != "gpu":
        raise ValueError(f"device must be 'cpu' or 'gpu', got {device!r}")
    try:
        import cupy
    except ImportError as error:
        raise ImportError("device 'gpu' needs CuPy, which is not installed; pip install 'npseq[gpu]'") from error
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise RuntimeError(f"device 'gpu' needs a CUDA device and its driver, CUDA says: {error}") from error
    if count < 1:
        raise RuntimeError("device 'gpu' needs a CUDA device, found none; use device 'cpu'")
    if hasattr(_place, "number"):
        cupy.cuda.Device(_place.number % count).use()
    return cupy


HALVES = {kind: np.array(0.5, kind) for kind in "efdgFDG"}


def one_half(like: Array) -> Any:
    """1/2 as ufuncs take it with the least overhead: a ufunc converts a number anew at every call, an array never."""
    return HALVES[like.dtype.char] if type(like) is np.ndarray else like.dtype.type(0.5)


def to_host(array: Array) -> np.ndarray:
    """This array as a NumPy array: itself on the host, a copy from a device."""
    return array.get() if _is_cupy(array) else np.asarray(array)


_product: Callable[..., Array] | None = None  # what multiplies on a device in place of CuPy's matmul


def matmul(a: Array, b: Array, out: Array | None = None) -> Array:
    """numpy.matmul, or what stands in for it on a device."""
    if _product is None or isinstance(a, np.ndarray):
        return np.matmul(a, b, out=out)
    return _product(a, b, out)


@contextmanager
def multiplying_with(product: Callable[..., Array]) -> Iterator[None]:
    """Inside, matmul(a, b, out) of arrays on a device is `product` of them."""
    global _product
    before, _product = _product, product
    try:
        yield
    finally:
        _product = before


def scatter_add(target: Array, index: Array, values: Array) -> None:
    """target[index[j]] += values[j] for every j, in the same order every time, so that bits repeat too.

    target (N, F), index (M,) integers in [0, N), values (M, F).
    """
    if index.size == 0:
        return
    xp = array_module(target, index, values)
    if xp is np:
        _add_sorted(target, index, values)
    else:
        _add_selected(xp, target, index, values)


def _add_sorted(target: np.ndarray, index: np.ndarray, values: np.ndarray) -> None:
    """The rows are sorted by index (stably) and each run of equal indices is summed in one piece."""
    order = np.argsort(index, kind="stable")
    rows = index[order]
    starts = np.flatnonzero(np.concatenate([np.ones(1, dtype=bool), rows[1:] != rows[:-1]]))
    target[rows[starts]] += np.add.reduceat(values[order], starts, axis=0)


def _add_selected(xp: ModuleType, target: Array, index: Array, values: Array) -> None:
    """A product with one-hot rows, some rows of the target at a time.

    Sorted runs would have the host wait for their number, CuPy's reduceat subtracts running sums, and its add.at adds
    in any order. This costs as much as a linear layer's product over the same N.
    """
    width = max(1, SELECTOR // index.size)
    for first in range(0, len(target), width):
        rows = target[first : first + width]
        rows += matmul((xp.arange(first, first + len(rows))[:, None] == index).astype(values.dtype), values)


def generator(rng: int | np.random.Generator | None) -> np.random.Generator:
    """A NumPy Generator from a seed or a Generator; random numbers are always drawn on the host, then moved."""
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise type(error)(f"rng must be a seed of at least 0, a numpy.random.Generator or None, got {rng!r}") from error
