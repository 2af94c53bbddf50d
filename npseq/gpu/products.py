"""Products multiplies with cuBLAS in a way that a CUDA graph can hold.

CuPy (13 and 14) refuses every call of cuBLAS while a stream captures, although cuBLAS itself can be captured. So a
captured step has its own handle, which is called without CuPy, and its own workspace, because cuBLAS would otherwise
allocate one inside the graph. Everything else multiplies with CuPy.

cuBLAS stores matrices column by column, so it reads a row-major matrix as its transpose, and the transpose of a product
is the product of the transposes in reverse order. So nothing is copied, whichever order a matrix has in memory.
"""

import ctypes
import sys
from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, address

WORKSPACE = 32 << 20  # bytes, as NVIDIA advises for Hopper; older devices need fewer
TF32 = 3  # CUBLAS_TF32_TENSOR_OP_MATH
PREFIXES = {"float32": ("S", ctypes.c_float), "float64": ("D", ctypes.c_double)}
_int, _long, _pointer = ctypes.c_int, ctypes.c_longlong, ctypes.c_void_p


class CublasError(RuntimeError):
    """A call of cuBLAS failed."""


class Operand(NamedTuple):
    """A matrix, or a batch of matrices, as cuBLAS describes it."""

    pointer: int
    transposed: bool  # whether the matrix is stored column by column
    leading: int  # entries from one row (of a transposed one, column) to the next
    stride: int  # entries from one matrix of a batch to the next


class Products:
    """A handle of cuBLAS with its workspace. tf32: whether float32 products may use tensor cores."""

    def __init__(self, xp: Any, tf32: bool):
        self.xp, self.tf32, self._library = xp, tf32, load(xp)
        self.workspace = xp.empty(WORKSPACE, np.uint8)
        self._stream: int | None = None
        handle = _pointer()
        self._call("cublasCreate_v2", ctypes.byref(handle))
        self._handle = handle
        self._call("cublasSetMathMode", handle, _int(TF32 if tf32 else 0))

    def on(self, stream: Any) -> "Products":
        """Runs all later products on this stream."""
        if stream.ptr != self._stream:
            pointer, size = _pointer(self.workspace.data.ptr), ctypes.c_size_t(WORKSPACE)
            self._call("cublasSetStream_v2", self._handle, _pointer(stream.ptr))
            self._call("cublasSetWorkspace_v2", self._handle, pointer, size)  # a new stream resets it
            self._stream = stream.ptr
        return self

    def __del__(self) -> None:
        if hasattr(self, "_handle") and not sys.is_finalizing():
            self._library.cublasDestroy_v2(self._handle)

    def matmul(self, a: Array, b: Array, out: Array | None = None) -> Array:
        """Multiplies float32 or float64 as numpy.matmul does: (M, K) or (K,) by (K, N), or batches (T, ., .)."""
        if a.ndim == 1:
            row: Array = self.matmul(a[None], b, None if out is None else out[None])[0]
            return row
        if a.dtype != b.dtype or a.dtype.name not in PREFIXES or (out is not None and out.dtype != a.dtype):
            raise TypeError(f"a graph's products must be of one dtype, float32 or float64, got {a.dtype}, {b.dtype}")
        if not (2 <= a.ndim <= 3 and 2 <= b.ndim <= 3) or a.shape[-1] != b.shape[-2]:
            raise ValueError(f"matrices must fit, or batches of them, got {a.shape} and {b.shape}")
        shape = (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1])
        if out is not None and out.shape != shape:
            raise ValueError(f"out must have shape {shape}, got {out.shape}")
        described = None if out is None else _operand(out)
        if out is not None and described is not None and not described.transposed:
            self._multiply(a, b, out)
            return out
        result: Array = self.xp.empty(shape, a.dtype)
        self._multiply(a, b, result)
        if out is None:
            return result
        out[...] = result
        return out

    def _multiply(self, a: Array, b: Array, out: Array) -> None:
        if not out.size:
            return
        if not a.shape[-1]:
            out[...] = 0
            return
        letter, kind = PREFIXES[out.dtype.name]
        left, right, target = self._as_operand(a), self._as_operand(b), self._as_operand(out)
        sizes = (out.shape[-1], out.shape[-2], a.shape[-1])
        one, zero = ctypes.byref(kind(1)), ctypes.byref(kind(0))
        given = [self._handle, *(_int(o.transposed) for o in (right, left)), *map(_int, sizes), one]
        batched = out.ndim == 3
        for operand in (right, left, target):
            given += [zero] if operand is target else []
            given += [_pointer(operand.pointer), _int(operand.leading)]
            given += [_long(operand.stride)] if batched else []
        if batched:
            self._call(f"cublas{letter}gemmStridedBatched", *given, _int(len(out)))
        else:
            self._call(f"cublas{letter}gemm_v2", *given)

    def _as_operand(self, array: Array) -> Operand:
        found = _operand(array) or _operand(self.xp.ascontiguousarray(array))
        assert found is not None, "a contiguous array is described"
        return found

    def _call(self, name: str, *args: Any) -> None:
        status = getattr(self._library, name)(*args)
        if status:
            raise CublasError(f"{name} returned status {status}")


def _operand(array: Array) -> Operand | None:
    """Describes an array to cuBLAS; None if neither rows nor columns are contiguous."""
    rows, columns = array.shape[-2:]
    down, across = (stride // array.itemsize for stride in array.strides[-2:])
    stride = array.strides[0] // array.itemsize if array.ndim == 3 and len(array) > 1 else 0
    if stride < 0:
        return None
    if across == 1 or columns == 1:
        leading = down if rows > 1 else max(columns, 1)
        if leading >= max(columns, 1):
            return Operand(address(array), False, leading, stride)
    if down == 1 or rows == 1:
        leading = across if columns > 1 else max(rows, 1)
        if leading >= max(rows, 1):
            return Operand(address(array), True, leading, stride)
    return None


def load(xp: Any) -> Any:
    """Returns the cuBLAS that CuPy has loaded. Raises OSError if there is none."""
    xp.cuda.get_cublas_handle()  # makes CuPy find and load it
    version = xp.cuda.runtime.runtimeGetVersion() // 1000
    name = f"cublas64_{version}.dll" if sys.platform == "win32" else f"libcublas.so.{version}"
    try:
        return ctypes.CDLL(name)
    except OSError as error:
        raise OSError(f"the products of a CUDA graph need {name}, the cuBLAS that CuPy loads, got: {error}") from error
