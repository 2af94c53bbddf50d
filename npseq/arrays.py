"""The one rule of which arrays npseq takes: NumPy's own and CuPy's own. Any other is refused, with the way to make one.

np.asarray of another kind may drop a mask, wait for a device or fail, and a subclass of ndarray may compute something
else with the same operators; so nothing is converted in silence. np.memmap computes as ndarray does and is taken.
"""

from collections.abc import Iterable, Mapping, Sized
from re import fullmatch
from typing import Any, TypeGuard

import numpy as np

NUMBERS = ("b", "i", "u", "f", "c")  # kinds of dtypes
LACKING = ("torch.bfloat", "torch.float8")  # types that NumPy has not; float32 holds their numbers exactly
_DOORS = ("__array__", "__array_interface__", "typecode")  # the third is array.array's


def is_cupy(value: object) -> TypeGuard[Any]:
    return type(value).__module__.split(".")[0] == "cupy"


def is_own(value: object) -> TypeGuard[Any]:
    """Whether this is an array or a scalar of NumPy or CuPy, and of no subclass."""
    return type(value) in (np.ndarray, np.memmap) or isinstance(value, np.generic) or is_cupy(value)


def is_half(value: Any) -> bool:
    """Whether this is an array of bfloat16 or of another type of ml_dtypes, which float32 holds exactly."""
    return is_own(value) and value.dtype.kind == "V" and np.can_cast(value.dtype, np.float32, "safe")


def refusal(name: str, value: Any, of: str = "") -> str:
    """The text of the error for what is no array of numbers: what it is, and the expression that makes one of it."""
    expression = name.partition(" (")[0]  # the state (h) is called state
    remedy = _remedy(expression if fullmatch(r"[\w.]+(\[[^]]*\])*", expression) else "array", value)
    kind = f"{type(value).__name__} of {value.dtype}" if is_own(value) else type_name(value)
    return f"{name} must be a NumPy or CuPy array of numbers{of}, got {kind}" + (f"; pass {remedy}" if remedy else "")


def type_name(value: object) -> str:
    """The name of a value's type, with the library that it is from."""
    library = type(value).__module__.split(".")[0]
    return type(value).__name__ if library in ("builtins", "npseq") else f"{library}.{type(value).__name__}"


def _remedy(name: str, value: Any) -> str:
    """An expression for the same numbers as a NumPy array; "" where there is none."""
    libraries = {base.__module__.split(".")[0] for base in type(value).__mro__}
    if is_own(value):
        return _numbers_of(name, value)
    if isinstance(value, type):
        return ""
    if "torch" in libraries:
        dense = "" if str(value.layout) == "torch.strided" else ".to_dense()"
        held = ".float()" if str(value.dtype).startswith(LACKING) else ".dequantize()" if value.is_quantized else ""
        return f"{name}{dense}{held}.numpy(force=True)"
    if isinstance(value, np.ma.MaskedArray):
        return f"{name}.filled(number), with the number that is meant where it is masked"
    if isinstance(value, bytes):
        return f"numpy.frombuffer({name}, numpy.uint8)"
    for method in ("toarray", "todense", "to_numpy"):  # SciPy's and pydata's sparse ones, pandas and what is like it
        if hasattr(value, method):
            return f"{name}.{method}()"
    if isinstance(value, list | tuple | range | memoryview | bytearray) or any(hasattr(value, door) for door in _DOORS):
        return f"numpy.asarray({name})" if _converts(value) else ""
    if not isinstance(value, Iterable) or isinstance(value, str | Mapping):
        return ""
    used_up = not isinstance(value, Sized)  # an iterator, at which nobody may look
    return f"numpy.asarray(list({name}))" if used_up or _converts([*value]) else ""


def _converts(value: Any) -> bool:
    """Whether NumPy makes an array of numbers of this; lists of different lengths are none."""
    try:
        return np.asarray(value).dtype.kind in NUMBERS
    except (TypeError, ValueError):
        return False


def _numbers_of(name: str, value: Any) -> str:
    """The same for a NumPy array of another dtype."""
    if value.dtype.names:
        return f"one of its fields, {name}[{value.dtype.names[0]!r}]"
    if value.dtype.kind in "mM":
        return f"{name}.astype(numpy.int64)"
    if value.dtype.kind == "O":
        plain = all(isinstance(entry, bool | int | float | complex | np.number) for entry in value.flat)
        return f"numpy.asarray({name}.tolist())" if plain else "one whose entries are numbers"
    if is_half(value):
        return f"{name}.astype(numpy.float32)"
    return "the ids of its tokens, which a Vocabulary makes" if value.dtype.kind in "US" else ""
