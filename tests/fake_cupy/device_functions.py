"""The fake CuPy has these functions, with the names and parameters of CuPy 13; a test compares them with a real one.

`reduceat` is left out: CuPy computes it as differences of running sums, which lose digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from fake_cupy.device_array import SCALARS, ndarray, operands, wrapped
from fake_cupy.device_queue import queued, refused
from fake_cupy.transfers import transfers
from scipy import special

# fmt: off
UFUNCS = {
    "absolute", "add", "arctanh", "bitwise_and", "bitwise_or", "ceil", "conjugate", "cos", "divide", "equal", "exp",
    "expm1", "floor", "floor_divide", "greater", "greater_equal", "invert", "isfinite", "isinf", "isnan",
    "less", "less_equal", "log", "log1p", "logical_and", "logical_not", "logical_or", "matmul", "maximum",
    "minimum", "mod", "multiply", "negative", "not_equal", "positive", "power", "reciprocal", "remainder",
    "sign", "sin", "sinh", "cosh", "sqrt", "square", "subtract", "tan", "tanh", "true_divide",
}
# fmt: on
UFUNC_OPTIONS = {"out", "dtype", "where", "casting"}
FUNCTIONS = {
    "all": "a axis out keepdims",
    "amax": "a axis out keepdims",
    "amin": "a axis out keepdims",
    "any": "a axis out keepdims",
    "argmax": "a axis dtype out keepdims",
    "argmin": "a axis dtype out keepdims",
    "argsort": "a axis kind",
    "broadcast_to": "array shape",
    "clip": "a a_min a_max out",
    "concatenate": "tup axis out dtype casting",
    "copyto": "dst src casting where",
    "count_nonzero": "a axis",
    "cumprod": "a axis dtype out",
    "cumsum": "a axis dtype out",
    "diagonal": "a offset axis1 axis2",
    "dot": "a b out",
    "empty_like": "prototype dtype order subok shape",
    "expand_dims": "a axis",
    "flip": "a axis",
    "full_like": "a fill_value dtype order subok shape",
    "max": "a axis out keepdims",
    "mean": "a axis dtype out keepdims",
    "min": "a axis out keepdims",
    "moveaxis": "a source destination",
    "ones_like": "a dtype order subok shape",
    "outer": "a b out",
    "prod": "a axis dtype out keepdims",
    "ravel": "a order",
    "repeat": "a repeats axis",
    "reshape": "a newshape order",
    "shape": "a",
    "sort": "a axis kind",
    "squeeze": "a axis",
    "stack": "tup axis out dtype casting",
    "std": "a axis dtype out ddof keepdims",
    "sum": "a axis dtype out keepdims",
    "swapaxes": "a axis1 axis2",
    "take": "a indices axis out",
    "take_along_axis": "a indices axis",
    "tensordot": "a b axes",
    "transpose": "a axes",
    "tril": "m k",
    "triu": "m k",
    "var": "a axis dtype out ddof keepdims",
    "where": "condition x y",
    "zeros_like": "a dtype order subok shape",
}
LINALG = {
    "norm": "x ord axis keepdims",
    "qr": "a mode",
    "solve": "a b",
    "svd": "a full_matrices compute_uv",
}
# their shapes depend on values, so the host waits
READING = ("argwhere", "bincount", "flatnonzero", "nonzero", "unique")
CREATION = {  # without arguments that are arrays
    "arange": "start stop step dtype",
    "empty": "shape dtype order",
    "eye": "N M k dtype order",
    "full": "shape fill_value dtype order",
    "linspace": "start stop num endpoint retstep dtype axis",
    "ones": "shape dtype order",
    "zeros": "shape dtype order",
}
DATA = {"a", "array", "b", "condition", "dst", "indices", "m", "prototype", "src", "tup", "x", "y", "where", "out"}


@queued
def call_ufunc(name: str, *inputs: Any, **kwargs: Any) -> Any:
    """A ufunc of CuPy. out: a cupy.ndarray, or a tuple of one, as NumPy passes it."""
    if not kwargs.keys() <= UFUNC_OPTIONS:
        raise TypeError(f"cupy.{name} takes {sorted(UFUNC_OPTIONS)}, got {sorted(kwargs)}")
    out = kwargs.pop("out", None)
    if isinstance(out, tuple):
        (out,) = out
    if out is not None:
        kwargs["out"] = _device_only("out", out)
    if "where" in kwargs:
        (kwargs["where"],) = operands(kwargs["where"])
    if not any(isinstance(value, ndarray) for value in (*inputs, out)):
        raise TypeError(f"cupy.{name} needs a cupy.ndarray, got {[type(value) for value in inputs]}")
    with np.errstate(all="ignore"):
        result = getattr(np, name)(*operands(*inputs), **kwargs)
    return wrapped(result) if out is None else out


@queued
def call_linalg(name: str, *args: Any, **kwargs: Any) -> Any:
    """A function of cupy.linalg; the first argument is an array, and so is b."""
    given = _named(f"linalg.{name}", LINALG[name], args, kwargs)
    a = _device_only(name, given.pop(LINALG[name].split()[0]))
    if "b" in given:
        given["b"] = _device_only(name, given["b"])
    return wrapped(getattr(np.linalg, name)(a, **given))


@queued
def erfc(x: Any) -> Any:
    """That of cupyx.scipy.special, which has no complex numbers."""
    host = _device_only("erfc", x)
    if host.dtype.kind == "c":
        raise TypeError(f"cupyx.scipy.special.erfc has no {host.dtype}")
    return wrapped(special.erfc(host))


@queued
def einsum(subscripts: str, *arrays: Any) -> Any:
    """A sum of products, as CuPy's einsum; operands are arrays of the device."""
    return wrapped(np.einsum(subscripts, *(_device_only("einsum: an operand", array) for array in arrays)))


def _named(name: str, parameters: str, args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
    """{parameter: value}. Raises TypeError if CuPy has no such parameter."""
    names = parameters.split()
    given = dict(zip(names, args, strict=False), **kwargs)
    if len(args) > len(names) or not given.keys() <= set(names):
        raise TypeError(f"cupy.{name} takes {parameters}, got {len(args)} arguments and {sorted(kwargs)}")
    return given


@queued
def call(name: str, *args: Any, **kwargs: Any) -> Any:
    """Any other function of CuPy."""
    names = FUNCTIONS[name].split()
    given = _named(name, FUNCTIONS[name], args, kwargs)
    _check_options(name, given)
    if len(given.get("tup", ())) > 8:
        refused("a table of more than 8 arrays' addresses")  # CuPy's concatenate copies it from the host
    out = given.get("out")
    host = {key: _host(name, key, value) for key, value in given.items()}
    if name in ("where", "clip"):
        operands(*(value for value in given.values() if value is not None))
    positional = [host.pop(key) for key in names[:2] if key in host and key not in ("axis", "dtype", "order")]
    if name == "where":
        positional.append(host.pop("y"))
    with np.errstate(all="ignore"):
        result = getattr(np, name)(*positional, **host)
    if name in ("copyto", "shape"):
        return result
    result = wrapped(result) if out is None else out
    return poisoned(result) if name == "empty_like" else result


def _check_options(name: str, given: dict[str, Any]) -> None:
    """The checks that CuPy's own functions make."""
    if given.get("subok") is not None:
        raise TypeError("subok is not supported yet")
    if given.get("kind") not in (None, "stable"):
        raise ValueError("kind can only be None or 'stable'")
    if name == "where" and not {"x", "y"} <= given.keys():
        raise TypeError("where with a condition alone makes the host wait; use nonzero to say so")


def _host(name: str, key: str, value: Any) -> Any:
    if key == "tup":
        return [_device_only(f"{name}: an array", part) for part in value]
    if key not in DATA or value is None:
        return value
    if isinstance(value, SCALARS) and (name in ("where", "copyto") and key in ("x", "y", "src")):
        return value
    return _device_only(f"{name}: {key}", value)


def _device_only(what: str, value: Any) -> np.ndarray:
    if not isinstance(value, ndarray):
        raise TypeError(f"{what} must be a cupy.ndarray, got {type(value)}")
    return value._host


@queued
def create(name: str, *args: Any, **kwargs: Any) -> ndarray:
    """Creates an array. Sizes are numbers of the host."""
    given = _named(name, CREATION[name], args, kwargs)
    if any(isinstance(value, (ndarray, np.ndarray)) for value in given.values()):
        raise TypeError(f"cupy.{name} takes numbers, got an array")
    result = ndarray(getattr(np, name)(*args, **kwargs))
    return poisoned(result) if name == "empty" else result


def poisoned(array: ndarray) -> ndarray:
    """Uninitialised memory, filled so that reading it shows: CuPy's pool returns old contents."""
    array._host[...] = np.nan if array.dtype.kind in "fc" else array.dtype.type(93)
    return array


def read(name: str, a: Any, *args: Any, **kwargs: Any) -> Any:
    transfers.read(name)
    return wrapped(getattr(np, name)(_device_only(name, a), *args, **kwargs))


def array(obj: Any, dtype: Any = None, copy: bool = True, order: str | None = "K") -> ndarray:
    """Moves an array to the device and counts it; an array of the device is copied if `copy` is set."""
    if isinstance(obj, ndarray):
        return _moved(obj, dtype, copy, order)
    if isinstance(obj, (list, tuple)) and any(isinstance(part, ndarray) for part in obj):
        return array(wrapped(np.stack([_device_only("an array", part) for part in obj])), dtype)
    refused("a copy of a host array")
    transfers.to_device += 1
    return ndarray(np.array(obj, dtype=dtype, order=order))


@queued
def _moved(obj: ndarray, dtype: Any, copy: bool, order: str | None) -> ndarray:
    same = not copy and (dtype is None or np.dtype(dtype) == obj.dtype)
    return obj if same else ndarray(np.array(obj._host, dtype=dtype, order=order))


def asarray(a: Any, dtype: Any = None, order: str | None = None) -> ndarray:
    return array(a, dtype, copy=False, order=order or "K")


@queued
def ascontiguousarray(a: Any, dtype: Any = None) -> ndarray:
    return wrapped(np.ascontiguousarray(asarray(a, dtype)._host))


def asnumpy(a: Any) -> np.ndarray:
    return a.get() if isinstance(a, ndarray) else np.asarray(a)


def result_type(*values: Any) -> np.dtype:
    return np.result_type(*(value.dtype if isinstance(value, ndarray) else value for value in values))


def can_cast(from_: Any, to: Any, casting: Any = "safe") -> bool:
    return np.can_cast(from_.dtype if isinstance(from_, ndarray) else from_, to, casting)
