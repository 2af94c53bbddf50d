"""A fake cupy.ndarray, in host memory, behaves as the real one: what CuPy refuses, it refuses.

It holds a NumPy array and is none, so nothing is converted unnoticed. It is stricter where CuPy hides a copy or depends
on its version: for a NumPy array as an index, and for a NumPy scalar whose dtype would count.
"""

from __future__ import annotations

import operator
from types import SimpleNamespace
from typing import Any

import numpy as np
from fake_cupy.device_queue import queued
from fake_cupy.transfers import transfers

KINDS = "?bBhHiIlLqQefdFD"  # the dtypes that CuPy has
SCALARS = (bool, int, float, complex, np.bool_, np.integer, np.floating, np.complexfloating)
METHODS = {  # each with CuPy's parameters
    "all": "axis out keepdims",
    "any": "axis out keepdims",
    "argmax": "axis out dtype keepdims",
    "argmin": "axis out dtype keepdims",
    "argsort": "axis",
    "astype": "dtype order casting subok copy",
    "clip": "min max out",
    "conj": "",
    "conjugate": "",
    "copy": "order",
    "cumsum": "axis dtype out",
    "diagonal": "offset axis1 axis2",
    "dot": "b out",
    "flatten": "order",
    "max": "axis out keepdims",
    "mean": "axis dtype out keepdims",
    "min": "axis out keepdims",
    "prod": "axis dtype out keepdims",
    "ravel": "order",
    "repeat": "repeats axis",
    "squeeze": "axis",
    "std": "axis dtype out ddof keepdims",
    "sum": "axis dtype out keepdims",
    "swapaxes": "axis1 axis2",
    "take": "indices axis out",
    "var": "axis dtype out ddof keepdims",
    "view": "dtype",
}


class Flags:
    """The flags of a cupy.ndarray; none can be set, so no array is read-only."""

    __slots__ = ("c_contiguous", "f_contiguous", "owndata")

    def __init__(self, flags: Any):
        self.c_contiguous, self.f_contiguous, self.owndata = flags.c_contiguous, flags.f_contiguous, flags.owndata


class ndarray:
    """See the module's docstring. The fake's functions create it, users never do."""

    __module__ = "cupy"
    __slots__ = ("_host",)
    __array_priority__ = 100
    __hash__ = None

    def __init__(self, host: np.ndarray):
        if host.dtype.char not in KINDS:
            raise ValueError(f"Unsupported dtype {host.dtype}")
        self._host = host

    shape = property(lambda self: self._host.shape)
    dtype = property(lambda self: self._host.dtype)
    ndim = property(lambda self: self._host.ndim)
    size = property(lambda self: self._host.size)
    nbytes = property(lambda self: self._host.nbytes)
    itemsize = property(lambda self: self._host.itemsize)
    strides = property(lambda self: self._host.strides)
    flags = property(lambda self: Flags(self._host.flags))
    T = property(lambda self: ndarray(self._host.T))
    real = property(lambda self: ndarray(self._host.real))
    imag = property(lambda self: ndarray(self._host.imag))
    data = property(lambda self: SimpleNamespace(ptr=self._host.ctypes.data))

    # reads from the device
    def get(self) -> np.ndarray:
        transfers.read("get()")
        return np.array(self._host, order="C")

    def item(self) -> Any:
        transfers.read("item()")
        return self._host.item()

    def tolist(self) -> Any:
        transfers.read("tolist()")
        return self._host.tolist()

    def nonzero(self) -> tuple[ndarray, ...]:
        transfers.read("nonzero()")
        return tuple(map(ndarray, self._host.nonzero()))

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. "
            "Please use `.get()` to construct a NumPy array explicitly."
        )

    # NumPy's functions
    @queued
    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from fake_cupy.device_functions import UFUNCS, call_ufunc

        if method != "__call__" or ufunc.__name__ not in UFUNCS:
            return NotImplemented
        return call_ufunc(ufunc.__name__, *inputs, **kwargs)

    @queued
    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from fake_cupy.device_functions import FUNCTIONS, LINALG, call, call_linalg, einsum

        if func is np.einsum and not kwargs:
            return einsum(*args)
        modules = {"numpy": (FUNCTIONS, call), "numpy.linalg": (LINALG, call_linalg)}
        names, known = modules.get(func.__module__, ((), None))
        if func.__name__ not in names or not all(issubclass(t, (ndarray, np.ndarray)) for t in types):
            return NotImplemented
        return known(func.__name__, *args, **kwargs)

    # a container
    def __len__(self) -> int:
        return len(self._host)

    def __iter__(self) -> Any:
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    @queued
    def __getitem__(self, key: Any) -> ndarray:
        host = index(key)
        if any(type(part) is np.ndarray and part.dtype == bool for part in host):
            transfers.read("a mask as an index")
        return ndarray(np.asarray(self._host[host]))

    @queued
    def __setitem__(self, key: Any, value: Any) -> None:
        """If an index repeats, CuPy may keep any of the values; here they must all be equal."""
        host, given = index(key), operands(value)[0]
        self._host[host] = given
        if any(isinstance(part, np.ndarray) and part.dtype != bool for part in host):
            stored = self._host[host]
            expected = np.broadcast_to(np.asarray(given).astype(self.dtype), stored.shape)
            if not np.array_equal(stored, expected, equal_nan=self.dtype.kind in "fc"):
                raise ValueError("indices repeat with different values: CuPy leaves open which one stays")

    @queued
    def reshape(self, *shape: Any, order: str = "C") -> ndarray:
        return ndarray(self._host.reshape(*shape, order=order))

    def transpose(self, *axes: Any) -> ndarray:
        return ndarray(self._host.transpose(*axes))

    def fill(self, value: Any) -> None:
        self[...] = value

    def __copy__(self) -> ndarray:
        return self.copy()  # type: ignore[attr-defined]

    def __deepcopy__(self, memo: Any) -> ndarray:
        return self.copy()  # type: ignore[attr-defined]


def index(key: Any) -> tuple:
    """A key for NumPy. A host array is refused, because CuPy would copy it to the device in silence."""
    parts = key if isinstance(key, tuple) else (key,)
    host: list[Any] = []
    for part in parts:
        if type(part) is ndarray:
            host.append(part._host)
        elif part is None or part is Ellipsis or isinstance(part, (slice, int, np.integer)):
            host.append(part)
        else:
            raise TypeError(f"an index of type {type(part)} would be copied to the device at every use")
    return tuple(host)


def operands(*values: Any) -> list[Any]:
    """The operands for NumPy. Raises TypeError for what CuPy's functions refuse."""
    kinds = {type(value) for value in values}
    if kinds <= PLAIN:
        return [value._host if type(value) is ndarray else value for value in values]
    dtypes = [value.dtype for value in values if isinstance(value, ndarray)]
    found = []
    for value in values:
        if not isinstance(value, (ndarray, *SCALARS)):
            raise TypeError(f"Unsupported type {type(value)}")
        if isinstance(value, np.generic) and dtypes and value.dtype not in dtypes:
            strong, weak = np.result_type(*dtypes, value), np.result_type(*dtypes, value.item())
            if strong != weak:
                raise TypeError(f"{value.dtype} scalar among {dtypes}: {weak} in CuPy 13, {strong} in 14; use .item()")
        found.append(value._host if isinstance(value, ndarray) else value)
    return found


PLAIN = {ndarray, bool, int, float, complex}


def wrapped(value: Any) -> Any:
    """A result as arrays of the device; a scalar of NumPy becomes an array of no dimension."""
    if isinstance(value, (tuple, list)):
        return tuple(map(wrapped, value))
    return ndarray(np.asarray(value))


def _method(name: str, parameters: str) -> Any:
    names = parameters.split()

    @queued
    def method(self: ndarray, *args: Any, **kwargs: Any) -> Any:
        given = dict(zip(names, args, strict=False), **kwargs)
        if len(args) > len(names) or not given.keys() <= set(names):
            raise TypeError(f"ndarray.{name} of CuPy takes {parameters or 'nothing'}, got {args} {kwargs}")
        out = given.get("out")
        if out is not None and not isinstance(out, ndarray):
            raise TypeError(f"out must be a cupy.ndarray, got {type(out)}")
        host = {
            key: operands(value)[0] if isinstance(value, (ndarray, np.ndarray)) else value
            for key, value in given.items()
        }
        positional = [host.pop(key) for key in ("b", "indices", "repeats", "axis1", "axis2") if key in host]
        with np.errstate(all="ignore"):
            result = getattr(self._host, name)(*positional, **host)
        return wrapped(result) if out is None else out

    return method


def _operator(name: str) -> Any:
    return lambda self, other: _apply(name, self, other)


@queued
def _apply(name: str, *values: Any) -> Any:
    if any(type(value) not in PLAIN and getattr(type(value), "__array_ufunc__", ...) is None for value in values):
        return NotImplemented
    with np.errstate(all="ignore"):
        return wrapped(getattr(operator, name)(*operands(*values)))


def _in_place(name: str) -> Any:
    @queued
    def method(self: ndarray, other: Any) -> ndarray:
        host, value = operands(self, other)
        with np.errstate(all="ignore"):
            getattr(operator, name)(host, value)
        return self

    return method


def _reading(name: str, convert: Any) -> Any:
    def method(self: ndarray, *args: Any) -> Any:
        transfers.read(name)
        return convert(self._host, *args)

    return method


for _name, _parameters in METHODS.items():
    setattr(ndarray, _name, _method(_name, _parameters))
for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor"):
    _function = _name + "_" if _name in ("and", "or") else _name
    setattr(ndarray, f"__{_name}__", _operator(_function))
    setattr(ndarray, f"__r{_name}__", lambda self, other, name=_function: _apply(name, other, self))
    if _name != "matmul":
        setattr(ndarray, f"__i{_name}__", _in_place("i" + _name))
for _name in ("lt", "le", "eq", "ne", "gt", "ge"):
    setattr(ndarray, f"__{_name}__", _operator(_name))
for _name in ("neg", "pos", "abs", "invert"):
    setattr(ndarray, f"__{_name}__", lambda self, name=_name: _apply(name, self))
for _name, _convert in {"float": float, "int": int, "bool": bool, "complex": complex, "repr": repr, "str": str}.items():
    setattr(ndarray, f"__{_name}__", _reading(f"{_name}()", _convert))
ndarray.__format__ = _reading("format()", format)  # type: ignore[method-assign]
