"""These functions check arguments; each error says what is expected, what was given and how to fix it.

Each returns the value that it has checked, so that a constructor can write `self.p = probability("p", p)`.
"""

import os
from collections.abc import Mapping, Sequence
from math import inf, isfinite, prod
from typing import Any, TypeVar

import numpy as np

from npseq.arrays import NUMBERS, is_cupy, is_own, refusal, type_name

UNSIGNED = {size: np.dtype(f"u{size}") for size in (1, 2, 4, 8)}
MANY = 1_000_000_000  # things or steps, of which more would not end
DEEPEST = 10_000  # layers, each of which takes time before anything is computed
try:
    ROOM = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 8  # numbers of 64 bits in all memory
except (AttributeError, ValueError, OSError):  # Windows does not say it
    ROOM = 1 << 44
T = TypeVar("T")
DTYPES = ("float32", "float64", "complex64", "complex128")


def number(name: str, value: Any) -> float:
    """Returns a real number as a float. Raises TypeError for anything else."""
    if type(value) is float:
        return value
    if type(value) is not int:
        scalar = is_own(value) and value.shape == () and value.dtype.kind in "iuf"
        if isinstance(value, bool) or not (isinstance(value, int | float) or scalar):
            raise TypeError(f"{name} must be a number, got {value!r:.80}{_item(name, value)}")
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError(
            f"{name} must be a number that a float can hold, got one of {len(str(value))} digits"
        ) from error


def integer(name: str, value: Any, least: float = 1, below: float | None = None) -> int:
    """Returns an integer in [least, below) as an int. Raises ValueError for anything else, a bool included."""
    if type(value) is int and value >= least and below is None:
        return value
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least or (below is not None and value >= below):
        wanted = {1: "a positive integer", -inf: "an integer"}.get(least, f"an integer of at least {least}")
        wanted = wanted if below is None else f"an integer in [{least}, {below})"
        raise ValueError(f"{name} must be {wanted}, got {value!r:.80}{_item(name, value)}")
    return int(value)


def amount(name: str, value: Any, least: int = 1, most: int = MANY, hint: str = "") -> int:
    """Returns how many things are made or done, in [least, most], as an int. Raises ValueError for anything else."""
    if integer(name, value, least) > most:
        raise ValueError(f"{name} must be at most {most}, got {value}{hint}")
    return int(value)


def check_room(name: str, shape: Sequence[int]) -> None:
    """Raises ValueError for the shape of an array that this machine's memory does not hold in 64 bits."""
    if len(shape) > 32 or prod(shape) > ROOM:
        raise ValueError(f"{name} must be that of an array that fits into memory, got {shape}")


def _item(name: str, value: Any) -> str:
    """What to do with a whole number that is a float, one number in an array, or another library's scalar."""
    if is_own(value):
        one = not isinstance(value, np.generic) and value.size == 1 and value.dtype.kind in "iuf"
    else:
        one = getattr(value, "shape", None) == () and hasattr(value, "item") and not isinstance(value, np.ndarray)
    if isinstance(value, float) and value.is_integer():
        return f"; pass int({name})"
    return f"; pass {name}.item()" if one else ""


def one_of(name: str, value: Any, options: tuple[str, ...]) -> str:
    """Returns a string that is one of the options. Raises ValueError for anything else."""
    if not isinstance(value, str) or value not in options:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}, got {value!r:.80}")
    return value


def within(name: str, value: Any, least: float = 0, below: float = inf, what: str = "") -> float:
    """Returns a number in [least, below) as a float. Raises TypeError or ValueError for anything else, a nan included.

    what: says in the error what it is, "be a probability ".
    """
    if not least <= number(name, value) < below:
        raise ValueError(f"{name} must {what or 'lie '}in [{least}, {below}), got {value!r:.80}")
    return float(value)


def probability(name: str, value: Any) -> float:
    """Returns a number in [0, 1) as a float. Raises TypeError or ValueError for anything else."""
    return within(name, value, below=1, what="be a probability ")


def share(name: str, value: Any) -> float:
    """Returns a number in [0, 1] as a float. Raises TypeError or ValueError for anything else."""
    if not 0 <= number(name, value) <= 1:
        raise ValueError(f"{name} must be in [0, 1], got {value!r:.80}")
    return float(value)


def finite_number(name: str, value: Any) -> float:
    """Returns a number, neither nan nor infinite, as a float. Raises TypeError or ValueError for anything else."""
    if not isfinite(number(name, value)):
        raise ValueError(f"{name} must be finite, got {value!r:.80}")
    return float(value)


def flag(name: str, value: Any) -> bool:
    """Returns True or False, also for 1 or 0. Raises TypeError for anything else."""
    if value is True or value is False:
        return value
    if not isinstance(value, bool | np.bool_ | int) or value not in (0, 1):
        raise TypeError(f"{name} must be True or False, got {value!r:.80}")
    return bool(value)


def array(name: str, value: Any, of: str = "") -> np.ndarray:
    """Returns an array of numbers, `of` a shape that the error names. Raises TypeError for anything else."""
    if type(value) is np.ndarray and value.dtype.kind in NUMBERS:
        return value
    if not is_own(value) or value.dtype.kind not in NUMBERS:
        raise TypeError(refusal(name, value, of))
    taken: np.ndarray = value
    return taken


def integers(name: str, value: Any, below: int | None = None, hint: str = "") -> np.ndarray:
    """Returns an array of integers, signed. Raises TypeError for other arrays, ValueError for one not in [0, below).

    A device is not asked for its values, since that would wait for it. Of a bool array nobody knows what it means.
    """
    dtype = array(name, value).dtype
    if dtype.kind not in "iu":
        remedy = "; convert them: numpy.asarray(...).astype(int)" if dtype.kind in "bf" else ""
        raise TypeError(f"{name} must be integers, got {dtype}{remedy}")
    if not dtype.isnative:
        value = value.astype(dtype.newbyteorder("="))
    if below is not None and value.size and not is_cupy(value):
        unsigned = value.view(UNSIGNED[value.itemsize])  # in which what is negative is large: one look at all
        if unsigned.item(unsigned.argmax()) >= below:
            at = tuple(np.argwhere((value < 0) | (value >= below))[0].tolist())
            raise ValueError(f"{name} must be in [0, {below}), got {value[at]} at {at}{hint}")
    signed: np.ndarray = value if dtype.kind == "i" else value.astype(np.int64)
    return signed


def finite(name: str, value: Any) -> np.ndarray:
    """Returns an array of finite numbers; one on a device is not read. Raises ValueError, with the place of another."""
    numbers = array(name, value)
    if not is_cupy(numbers) and not (there := np.isfinite(numbers)).all():
        at = tuple(np.argwhere(~there)[0].tolist())
        raise ValueError(
            f"{name} must be finite, got {numbers[at]} at {list(at)}; fill in what is missing, or leave it out"
        )
    return numbers


def floating(name: str, value: Any) -> np.ndarray:
    """Returns an array of floating or complex numbers. Raises TypeError for others, and for half types: sums fail."""
    numbers = array(name, value)
    dtype = numbers.dtype
    if dtype.kind not in "fc":
        raise TypeError(f"{name} must be floating or complex, got {dtype}; convert them with astype")
    if dtype.itemsize < 4:
        raise TypeError(
            f"{name} must have 32 bits or more, got {dtype}, in which sums of many numbers go wrong; "
            f"use .astype(numpy.float32)"
        )
    return numbers


def array_or_lists(name: str, value: Any) -> np.ndarray:
    """Returns an array of numbers, also of a number, or lists, tuples and ranges of them; empty ones become int64."""
    if not isinstance(value, list | tuple | range | int | float | complex):
        return array(name, value)
    if isinstance(value, list | tuple):
        check_entries(name, value)
    try:
        made = np.asarray(value)
    except (TypeError, ValueError) as error:  # a device's arrays are TypeErrors
        raise TypeError(f"{name} must be an array, or lists of numbers that have one length each axis") from error
    if made.dtype.kind not in NUMBERS:
        hint = "; turn tokens into ids with vocabulary[tokens]" if made.dtype.kind == "U" else ""
        raise TypeError(f"{name} must hold numbers, as an array does, got entries of NumPy's dtype {made.dtype}{hint}")
    return made if made.size else made.astype(np.int64)


def check_entries(name: str, values: Any) -> None:
    """Raises TypeError for lists that hold another library's arrays or scalars, which NumPy would convert."""
    for kind in set(map(type, values)):
        if issubclass(kind, list | tuple):
            for entry in values:
                if type(entry) is kind:
                    check_entries(name, entry)
        elif hasattr(kind, "__array__"):
            for k, entry in enumerate(values):
                if type(entry) is kind:
                    array(f"{name}[{k}]", entry)


def castable(name: str, value: np.ndarray, dtype: np.dtype, cast: str | None = None) -> np.ndarray:
    """Returns an array that a layer of this dtype takes without losing digits. Raises TypeError for any other.

    cast: the name of the array after a cast, where it is no `name.astype(dtype)`.
    """
    if np.can_cast(value.dtype, dtype, "safe"):
        return value
    cast = f"{name}.astype({dtype.name!r})" if cast is None else cast
    ways = [cast] if dtype.kind == "c" or value.dtype.kind != "c" else []
    ways += [f"layer.astype({value.dtype.name!r})"] if value.dtype.name in DTYPES else []
    raise TypeError(f"{name} is {value.dtype} but the layer is {dtype}; use {' or '.join(ways)}")


def instance(name: str, value: Any, kinds: type[T] | tuple[type[T], ...], what: str) -> T:
    """Returns an object of one of these kinds, called `what` in the error. Raises TypeError for any other."""
    if not isinstance(value, kinds):
        given = f"the class {value.__name__}; make one of it" if isinstance(value, type) else type_name(value)
        raise TypeError(f"{name} must be {what}, got {given}")
    return value


def by_label(name: str, value: Any, kind: type[T], least: int = 1) -> Mapping[str, T]:
    """Returns a mapping {label: object of a kind}. Raises TypeError or ValueError for anything else."""
    if not isinstance(value, Mapping) or not all(isinstance(one, kind) for one in value.values()):
        raise TypeError(f"{name} must map labels to objects of kind {kind.__name__}, got {value!r:.100}")
    if not all(isinstance(label, str) for label in value):
        raise TypeError(f"{name} must have strings for labels, got {list(value)!r:.100}")
    if len(value) < least:
        raise ValueError(f"{name} must hold at least one {kind.__name__}, got none")
    return value


def mapping(name: str, value: Any) -> Mapping[str, Any]:
    """Returns a mapping {name: array}. Raises TypeError for anything else."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        several = isinstance(value, list | tuple) and any(isinstance(part, Mapping) for part in value)
        remedy = "; give {**first, **second}" * several
        raise TypeError(f"{name} must map names to arrays, got {type(value).__name__}{remedy}")
    return value


def function(name: str, value: T) -> T:
    """Returns something that can be called. Raises TypeError for anything else."""
    if not callable(value):
        raise TypeError(f"{name} must be a function, got {value!r:.80}")
    return value


def text(name: str, value: Any) -> str:
    """Returns a string. Raises TypeError for anything else."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, got {type(value).__name__}")
    return value


def a_dtype(value: Any, kinds: Sequence[str] = NUMBERS) -> np.dtype:
    """Returns a dtype of these kinds in this machine's byte order. Raises TypeError for anything else."""
    try:
        dtype = None if value is None else np.dtype(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"dtype must be a dtype, say numpy.float32, got {value!r:.80}") from error
    if dtype is None or dtype.kind not in kinds:
        raise TypeError(f"dtype must be a dtype, say numpy.float32, got {value!r:.80}")
    native: np.dtype = dtype.newbyteorder("=")
    return native


def float_dtype(value: Any) -> np.dtype:
    """Returns one of DTYPES. Raises TypeError for anything that is no dtype, ValueError for another dtype."""
    dtype = a_dtype(value)
    if dtype.name not in DTYPES:
        raise ValueError(f"dtype must be float32, float64, complex64 or complex128, got {dtype}")
    return dtype


def fitting(name: str, value: Any, dtype: Any) -> float:
    """Returns a finite number of which the dtype holds 16 times as much: no normal number lies so many deviations out.

    Raises TypeError or ValueError for anything else.
    """
    dtype = a_dtype(dtype, "fc")
    if abs(finite_number(name, value)) > float(np.finfo(dtype).max) / 16:
        raise ValueError(f"{name} must be a number whose multiples {dtype} can hold, got {value}")
    return float(value)


def deviation(name: str, value: Any, dtype: Any) -> float:
    """Returns a number of `fitting` that is not negative. Raises TypeError or ValueError for anything else."""
    if not fitting(name, value, dtype) >= 0:
        raise ValueError(f"{name} must be finite and not negative, got {value}")
    return abs(float(value))  # without the sign of -0.0
