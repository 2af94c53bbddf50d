"""Argument checks. Each error says what must hold, what was given and what to do."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

NUMBERS = ("b", "i", "u", "f", "c")  # kinds of dtypes
DTYPES = ("float32", "float64", "complex64", "complex128")


def number(name: str, value: Any) -> float:
    """A real number, as a float. Raises TypeError for anything else."""
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


def integer(name: str, value: Any, least: int = 1, below: int | None = None) -> int:
    """An integer in [least, below), as an int; a bool is none. Raises ValueError for anything else."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least or (below is not None and value >= below):
        wanted = "a positive integer" if least == 1 else f"an integer of at least {least}"
        wanted = wanted if below is None else f"an integer in [{least}, {below})"
        raise ValueError(f"{name} must be {wanted}, got {value!r}")
    return int(value)


def one_of(name: str, value: Any, options: tuple[str, ...]) -> str:
    """One of these strings, as it is. Raises ValueError for anything else."""
    if not isinstance(value, str) or value not in options:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}, got {value!r}")
    return value


def probability(name: str, value: Any) -> float:
    """A number in [0, 1), as a float. Raises ValueError for anything else."""
    if not isinstance(value, int | float) or not 0 <= value < 1:
        raise ValueError(f"{name} must be a probability in [0, 1), got {value!r}")
    return float(value)


def flag(name: str, value: Any) -> bool:
    """True or False; 0 and 1 are taken for them. Raises TypeError for anything else."""
    if not isinstance(value, bool | np.bool_ | int) or value not in (0, 1):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def is_array(value: Any) -> bool:
    """Whether this has a shape and a dtype of numbers, all of which count."""
    if type(value) is np.ndarray:
        return value.dtype.kind in NUMBERS
    numbers = getattr(getattr(value, "dtype", None), "kind", "") in NUMBERS and hasattr(value, "shape")
    return numbers and not isinstance(value, np.ma.MaskedArray)


def array(name: str, value: Any) -> Any:
    """An array of numbers, as it is. Raises TypeError for anything else."""
    if type(value) is np.ndarray and value.dtype.kind in NUMBERS:
        return value
    if not hasattr(value, "dtype") or not hasattr(value, "shape"):
        raise TypeError(f"{name} must be an array, got {type(value).__name__}; numpy.asarray makes one of a list")
    if not is_array(value):
        raise TypeError(f"{name} must be a plain array of numbers, got {type(value).__name__} of {value.dtype}")
    return value


def mapping(name: str, value: Any) -> Any:
    """A mapping {name: array}, as it is. Raises TypeError for anything else."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise TypeError(f"{name} must map names to arrays, got {type(value).__name__}")
    return value


def function(name: str, value: Any) -> Callable[..., Any]:
    """Something that can be called, as it is. Raises TypeError for anything else."""
    if not callable(value):
        raise TypeError(f"{name} must be a function, got {value!r}")
    return value


def text(name: str, value: Any) -> str:
    """A string, as it is. Raises TypeError for anything else."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, got {type(value).__name__}")
    return value


def a_dtype(value: Any) -> np.dtype:
    """A dtype of this machine's byte order. Raises TypeError for what is none."""
    try:
        dtype = None if value is None else np.dtype(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"dtype must be a dtype, say numpy.float32, got {value!r}") from error
    if dtype is None:
        raise TypeError("dtype must be a dtype, say numpy.float32, got None")
    return dtype.newbyteorder("=")


def float_dtype(value: Any) -> np.dtype:
    """One of DTYPES. Raises TypeError for what is no dtype, ValueError for another."""
    dtype = a_dtype(value)
    if dtype.name not in DTYPES:
        raise ValueError(f"dtype must be float32, float64, complex64 or complex128, got {dtype}")
    return dtype


def shape_of(name: str, value: Any) -> tuple[int, ...]:
    """The shape of a number or of nested lists of them. Raises TypeError for anything else."""
    try:
        made = np.asarray(value)
    except ValueError as error:
        raise TypeError(f"{name} must be an array, got lists of different lengths") from error
    return array(name, made).shape
