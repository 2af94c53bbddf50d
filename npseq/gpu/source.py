"""The kernels of a trace become C for CUDA: one thread per entry, every array by its own strides.

But for the two words that CUDA adds, the text is plain C, so a C compiler can check it without a device.
"""

import math
from typing import Any

import numpy as np

from npseq.gpu.operations import OPERATIONS
from npseq.gpu.program import Kernel, Ref

TYPES = {"float32": "float", "float64": "double"}


def source(kernel: Kernel, name: str, ndim: int, dtype: np.dtype) -> str:
    """Returns the text of a kernel over entries of `ndim` axes, with the arguments of kernels.launch_numbers."""
    kind = TYPES[dtype.name]
    lines = [f"typedef {kind} T;", f'extern "C" __global__ void {name}(', f"    {_arguments(kernel, ndim)})", "{"]
    lines += ["    const long long entry = (long long)blockIdx.x * blockDim.x + threadIdx.x;"]
    lines += ["    if (entry >= entries) return;", *_indices(ndim)]
    for k, (op, args) in enumerate(kernel.assignments):
        truth = op in OPERATIONS and OPERATIONS[op].truth
        lines.append(f"    const {'bool' if truth else 'T'} x{k} = {_value(kernel, op, args, ndim, dtype)};")
    lines += [f"    {_entry(kernel, ref, ndim)} = x{k};" for ref, k in kernel.stores]
    return "\n".join([*lines, "}", ""])


def _arguments(kernel: Kernel, ndim: int) -> str:
    numbers = ["entries", *(f"size{axis}" for axis in range(1, ndim))]
    for array in kernel.arrays:
        numbers += [f"{array}_gate"] if array in kernel.by_gate else []
        numbers += [f"{array}_{axis}" for axis in range(ndim)]
    return ", ".join([*(f"T* {array}" for array in kernel.arrays), *(f"long long {number}" for number in numbers)])


def _indices(ndim: int) -> list[str]:
    """The entry's index along each axis. The number of entries fits 32 bits, which divide faster than 64."""
    lines = ["    unsigned int rest = (unsigned int)entry;"]
    for axis in range(ndim - 1, 0, -1):
        size = f"(unsigned int)size{axis}"
        lines += [f"    const long long i{axis} = rest % {size};", f"    rest /= {size};"]
    return [*lines, "    const long long i0 = rest;"]


def _entry(kernel: Kernel, ref: Ref, ndim: int) -> str:
    terms = [f"{ref.gate} * {ref.array}_gate"] if ref.array in kernel.by_gate else []
    return f"{ref.array}[{' + '.join([*terms, *(f'i{axis} * {ref.array}_{axis}' for axis in range(ndim))])}]"


def _value(kernel: Kernel, op: str, args: tuple[Any, ...], ndim: int, dtype: np.dtype) -> str:
    if op == "load":
        return _entry(kernel, args[0], ndim)
    if op == "constant":
        return literal(args[0], dtype)
    ending = "f" if dtype == np.float32 else ""
    return OPERATIONS[op].code.format(*(f"x{arg}" for arg in args), f=ending)


def literal(value: float, dtype: np.dtype) -> str:
    """Writes a number in C, exact to its last bit."""
    if not math.isfinite(value):
        raise ValueError(f"a kernel's numbers must be finite, got {value}")
    return f"(T){float(dtype.type(value))!r}"
