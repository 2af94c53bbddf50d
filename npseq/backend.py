"""This module chooses NumPy or CuPy by the arguments, and holds everything that the two do differently.

A public function reads the array module off its arguments once and passes it on. It refuses mixed arguments and never
copies them silently. The rest of npseq is written once, against the part of the array API that both modules share.
"""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from npseq.arrays import NUMBERS, is_cupy, is_own, refusal
from npseq.threads import multiply

Array: TypeAlias = np.ndarray[tuple[Any, ...], np.dtype[Any]]  # or cupy.ndarray, which has no types of its own
MaybeArray: TypeAlias = Array | Any  # or None, where a cell or a layer has no such thing: no type says which have it
Arrays: TypeAlias = Array | Sequence[Any]  # what a function that takes lists makes an array of
HOST: Any = np.ndarray  # for isinstance: a type checker takes a CuPy array for one of NumPy
Seed: TypeAlias = "int | np.random.Generator | None"  # quoted: numpy.random is loaded when it is used
SELECTOR = 1 << 26  # largest number of entries of a table of one-hot rows on a device


def array_module(
    first: Array | complex | None = None, /, *others: Array | complex | None, **named: Array | None
) -> ModuleType:
    """Returns numpy or cupy, whichever made these arrays; skips None. Raises TypeError for a mixture, and any other.

    named: arrays that errors call by these names, and that must hold numbers.
    """
    if type(first) is np.ndarray and not named:
        for other in others:
            if type(other) is not np.ndarray:
                break
        else:
            return np
    for name, value in named.items():
        if value is not None and not (is_own(value) and value.dtype.kind in NUMBERS):
            raise TypeError(refusal(name, value))
    on_host = on_device = False
    for array in (first, *others, *named.values()):
        if type(array) is np.ndarray:
            on_host = True
        elif array is not None:
            if not is_own(array) and type(array) not in (bool, int, float, complex):
                raise TypeError(refusal("array", array))
            on_device |= is_cupy(array)
            on_host |= not is_cupy(array)
    if not on_device:
        return np
    if on_host:
        raise TypeError(
            "all arrays of one call must be on one device, got both numpy and cupy arrays; "
            "move the layer with layer.to('gpu') and the data with cupy.asarray, or bring both back with .to('cpu')"
        )
    return sys.modules["cupy"]


_device = threading.local()  # .number: the device that take_device chose for this thread


def take_device(number: int) -> None:
    """Makes device_module("gpu") select device `number`, modulo the number of devices, in this thread."""
    _device.number = number


def device_module(device: Any) -> ModuleType:
    """Returns the array module of "cpu" or "gpu". Raises ImportError without CuPy, RuntimeError without a device."""
    if isinstance(device, str) and device == "cpu":
        return np
    if not isinstance(device, str) or device != "gpu":
        raise ValueError(f"device must be 'cpu' or 'gpu', got {device!r:.80}")
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
    if hasattr(_device, "number"):
        cupy.cuda.Device(_device.number % count).use()
    module: ModuleType = cupy
    return module


ONES = {kind: np.array(1, kind) for kind in "efdgFDG"}


def one(like: Array) -> Any:
    """1 in the form in which ufuncs have the least overhead: they convert a number at each call, an array never."""
    return ONES[like.dtype.char] if type(like) is np.ndarray else like.dtype.type(1)


def to_host(array: Array) -> np.ndarray:
    """Returns a NumPy array: the same one on the host, a copy from a device. Raises TypeError for any other."""
    if is_cupy(array):
        on_host: np.ndarray = array.get()
        return on_host
    array_module(array)
    return np.asarray(array)


def address(array: Any) -> int:
    """Where the first entry of an array on a device lies in its memory."""
    pointer: int = array.data.ptr
    return pointer


_product: Callable[..., Array] | None = None  # replaces CuPy's matmul on a device


def erfc(x: Array) -> Array:
    """Returns 1 - erf(x), which NumPy and CuPy lack; of complex numbers it is computed on the host."""
    if is_cupy(x) and x.dtype.kind != "c":
        from cupyx.scipy.special import erfc as of_device

        result: Array = of_device(x)
        return result
    from scipy.special import erfc as of_host  # 20 ms, which few need

    found: Array = array_module(x).asarray(of_host(to_host(x))) if is_cupy(x) else of_host(x)
    return found


def matmul(a: Array, b: Array, out: Array | None = None, adds: bool = False) -> Array:
    """Returns a @ b, or out += a @ b if `adds`.

    On the host npseq's own threads share it where a step is theirs; on a device it uses the product of
    multiplying_with, if there is one.
    """
    if isinstance(a, HOST):
        return multiply(a, b, out, adds)
    into = None if adds else out
    found = np.matmul(a, b, out=into) if _product is None else _product(a, b, into)
    if not adds:
        return found
    assert out is not None
    out += found
    return out


@contextmanager
def multiplying_with(product: Callable[..., Array]) -> Iterator[None]:
    """Replaces matmul(a, b, out) on a device by product(a, b, out) inside the with block."""
    global _product
    before, _product = _product, product
    try:
        yield
    finally:
        _product = before


def scatter_add(target: Array, index: Array, values: Array) -> None:
    """Adds values[j] to target[index[j]] for every j, always in the same order, so that results repeat bit for bit.

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
    """Sorts the rows by index (stably) and sums each run of equal indices at once."""
    order = np.argsort(index, kind="stable")
    rows = index[order]
    starts = np.flatnonzero(np.concatenate([np.ones(1, dtype=bool), rows[1:] != rows[:-1]]))
    target[rows[starts]] += np.add.reduceat(values[order], starts, axis=0)


def _add_selected(xp: ModuleType, target: Array, index: Array, values: Array) -> None:
    """Multiplies by one-hot rows, for a block of the target's rows at a time.

    With sorted runs the host would have to wait for their number; CuPy's reduceat subtracts running sums, and its
    add.at adds in any order. This costs as much as a linear layer's product over the same N.
    """
    width = max(1, SELECTOR // index.size)
    for first in range(0, len(target), width):
        rows = target[first : first + width]
        rows += matmul((xp.arange(first, first + len(rows))[:, None] == index).astype(values.dtype), values)


def generator(rng: Seed) -> "np.random.Generator":
    """Returns a NumPy Generator from a seed or a Generator; random numbers are drawn on the host, then moved."""
    try:
        if isinstance(rng, bool | np.bool_):
            raise TypeError("a bool is no seed")
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"rng must be a seed of at least 0, a numpy.random.Generator or None, got {rng!r:.80}"
        ) from error


@contextmanager
def drawing(rng: Seed) -> Iterator["np.random.Generator"]:
    """Gives a Generator, which has drawn nothing if the block raises: what is made in parts is checked in parts."""
    rng = generator(rng)
    before = rng.bit_generator.state
    try:
        yield rng
    except BaseException:
        rng.bit_generator.state = before
        raise
