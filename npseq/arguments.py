"""These functions check arguments; each error says what is expected, what was given and how to fix it.

Each returns the value that it has checked, so that a constructor can write `self.p = probability("p", p)`.
"""

from collections.abc import Callable, Mapping
from math import inf
from typing import Any

import numpy as np

NUMBERS = ("b", "i", "u", "f", "c")  # kinds of dtypes
UNSIGNED = {size: np.dtype(f"u{size}") for size in (1, 2, 4, 8)}
DTYPES = ("float32", "float64", "complex64", "complex128")


def number(name: str, value: Any) -> float:
    """Returns a real number as a float. Raises TypeError for anything else."""
    if type(value) is float:
        return value
    scalar = getattr(value, "shape", None) == () and getattr(value, "dtype", None) is not None
    if isinstance(value, bool) or not (isinstance(value, int | float) or (scalar and value.dtype.kind in "iuf")):
        raise TypeError(f"{name} must be a number, got {value!r}")
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError(
            f"{name} must be a number that a float can hold, got one of {len(str(value))} digits"
        ) from error


def integer(name: str, value: Any, least: float = 1, below: float | None = None) -> int:
    """Returns an integer in [least, below) as an int. Raises ValueError for anything else, a bool included."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least or (below is not None and value >= below):
        wanted = {1: "a positive integer", -inf: "an integer"}.get(least, f"an integer of at least {least}")
        wanted = wanted if below is None else f"an integer in [{least}, {below})"
        raise ValueError(f"{name} must be {wanted}, got {value!r}")
    return int(value)


def one_of(name: str, value: Any, options: tuple[str, ...]) -> str:
    """Returns a string that is one of the options. Raises ValueError for anything else."""
    if not isinstance(value, str) or value not in options:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}, got {value!r}")
    return value


def probability(name: str, value: Any) -> float:
    """Returns a number in [0, 1) as a float. Raises TypeError or ValueError for anything else."""
    if not 0 <= number(name, value) < 1:
        raise ValueError(f"{name} must be a probability in [0, 1), got {value!r}")
    return float(value)


def flag(name: str, value: Any) -> bool:
    """Returns True or False, also for 1 or 0. Raises TypeError for anything else."""
    if value is True or value is False:
        return value
    if not isinstance(value, bool | np.bool_ | int) or value not in (0, 1):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def is_array(value: Any) -> bool:
    """Whether this is an array of numbers, and not a masked one."""
    if type(value) is np.ndarray:
        return value.dtype.kind in NUMBERS
    numbers = getattr(getattr(value, "dtype", None), "kind", "") in NUMBERS and hasattr(value, "shape")
    return numbers and not isinstance(value, np.ma.MaskedArray)


def array(name: str, value: Any) -> Any:
    """Returns an array of numbers. Raises TypeError for anything else."""
    if type(value) is np.ndarray and value.dtype.kind in NUMBERS:
        return value
    if not hasattr(value, "dtype") or not hasattr(value, "shape"):
        raise TypeError(f"{name} must be an array, got {type(value).__name__}; numpy.asarray makes one of a list")
    if not is_array(value):
        raise TypeError(f"{name} must be a plain array of numbers, got {type(value).__name__} of {value.dtype}")
    return value


def integers(name: str, value: Any, below: int | None = None, hint: str = "") -> Any:
    """Returns an array of integers, signed. Raises TypeError for other arrays, ValueError for one not in [0, below).

    A device is not asked for its values, since that would wait for it. Of a bool array nobody knows what it means.
    """
    if array(name, value).dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers, got {value.dtype}; convert them with astype(int)")
    if isinstance(value, np.ndarray) and not value.dtype.isnative:
        value = value.astype(value.dtype.newbyteorder("="))
    if below is not None and isinstance(value, np.ndarray) and value.size:
        unsigned = value.view(UNSIGNED[value.itemsize])  # in which what is negative is large: one look at all
        if np.maximum.reduce(unsigned, None) >= below:
            at = tuple(np.argwhere((value < 0) | (value >= below))[0].tolist())
            raise ValueError(f"{name} must be in [0, {below}), got {value[at]} at {at}{hint}")
    return value if value.dtype.kind == "i" else value.astype(np.int64)


def floating(name: str, value: Any) -> Any:
    """Returns an array of floating or complex numbers. Raises TypeError for others, and for half types: sums fail."""
    dtype = array(name, value).dtype
    if dtype.kind not in "fc":
        raise TypeError(f"{name} must be floating or complex, got {dtype}; convert them with astype")
    if dtype.itemsize < 4:
        raise TypeError(
            f"{name} must have 32 bits or more, got {dtype}, in which sums of many numbers go wrong; "
            f"use .astype(numpy.float32)"
        )
    return value


def mapping(name: str, value: Any) -> Any:
    """Returns a mapping {name: array}. Raises TypeError for anything else."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise TypeError(f"{name} must map names to arrays, got {type(value).__name__}")
    return value


def function(name: str, value: Any) -> Callable[..., Any]:
    """Returns something that can be called. Raises TypeError for anything else."""
    if not callable(value):
        raise TypeError(f"{name} must be a function, got {value!r}")
    return value


def text(name: str, value: Any) -> str:
    """Returns a string. Raises TypeError for anything else."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, got {type(value).__name__}")
    return value


def a_dtype(value: Any) -> np.dtype:
    """Returns a dtype in this machine's byte order. Raises TypeError for anything that is no dtype."""
    try:
        dtype = None if value is None else np.dtype(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"dtype must be a dtype, say numpy.float32, got {value!r}") from error
    if dtype is None:
        raise TypeError("dtype must be a dtype, say numpy.float32, got None")
    return dtype.newbyteorder("=")


def float_dtype(value: Any) -> np.dtype:
    """Returns one of DTYPES. Raises TypeError for anything that is no dtype, ValueError for another dtype."""
    dtype = a_dtype(value)
    if dtype.name not in DTYPES:
        raise ValueError(f"dtype must be float32, float64, complex64 or complex128, got {dtype}")
    return dtype


def shape_of(name: str, value: Any) -> tuple[int, ...]:
    """Returns the shape of a number or of nested lists of numbers. Raises TypeError for anything else."""
    try:
        made = np.asarray(value)
    except ValueError as error:
        raise TypeError(f"{name} must be an array, got lists of different lengths") from error
    return array(name, made).shape
