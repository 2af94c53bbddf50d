"""Kernels compiled and launched: what a launch needs beside the arrays is worked out once for each layout of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, array_module
from npseq.gpu.program import Kernel, Product, Program
from npseq.gpu.source import source

THREADS = 256  # of a block
MOST = 1 << 31  # entries of one launch
LAYOUTS = 4096  # of arrays, whose launches are remembered
Shape = tuple[int, ...]


class Launch(NamedTuple):
    """A kernel for arrays of one layout."""

    function: Any
    shape: Shape  # of the entries
    grid: tuple[int]
    numbers: tuple[int, ...]


class Runner:
    """A program that can be run. label: what its kernels are called in a profile."""

    def __init__(self, program: Program, dtype: np.dtype, label: str):
        self.program, self.dtype, self.label = program, dtype, label
        self._launches: dict[tuple, Launch] = {}
        self._functions: dict[tuple[int, int], Any] = {}

    def __call__(self, arrays: dict[str, Array], product: Callable[[Array], Array] | None = None) -> list[Any]:
        """Runs it on arrays by name, which are written where the trace wrote them; the results."""
        for k, step in enumerate(self.program.steps):
            if isinstance(step, Product):
                assert product is not None
                arrays[step.result] = product(_block(arrays, step.operand))
            else:
                self._launch(k, step, arrays)
        return [None if ref is None else _block(arrays, ref) for ref in self.program.results]

    def _launch(self, k: int, kernel: Kernel, arrays: dict[str, Array]) -> None:
        given = [arrays[name] for name in kernel.arrays if name not in kernel.made]
        key = (k, *((array.shape, array.strides) for array in given))
        launch = self._launches.get(key)
        if launch is None:
            if len(self._launches) == LAYOUTS:
                self._launches.clear()
            launch = self._launches[key] = self._prepare(k, kernel, arrays, given)
        for name in kernel.made:
            arrays[name] = array_module(given[0]).empty(launch.shape, self.dtype)
        if launch.grid[0]:
            pointers = [arrays[name] for name in kernel.arrays]
            launch.function(launch.grid, (THREADS,), (*pointers, *launch.numbers))

    def _prepare(self, k: int, kernel: Kernel, arrays: dict[str, Array], given: list[Array]) -> Launch:
        for array in given:
            if array.dtype != self.dtype:
                raise TypeError(f"all arrays of one kernel must be {self.dtype}, got {array.dtype}")
        found = numbers(kernel, arrays, self.dtype.itemsize)
        shape, ndim = found[0], len(found[0])
        if (k, ndim) not in self._functions:
            self._functions[k, ndim] = compiled(array_module(given[0]), kernel, f"{self.label}_{k}", ndim, self.dtype)
        return Launch(self._functions[k, ndim], shape, (-(-prod(shape) // THREADS),), found[1])


def compiled(xp: Any, kernel: Kernel, label: str, ndim: int, dtype: np.dtype) -> Any:
    """A cupy.RawKernel, which CuPy compiles at its first launch and keeps on the disk."""
    text = source(kernel, "NAME", ndim, dtype)
    name = f"npseq_{label}_{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return xp.RawKernel(text.replace("NAME", name), name)


def numbers(kernel: Kernel, arrays: dict[str, Array], itemsize: int) -> tuple[Shape, tuple[int, ...]]:
    """The shape of the entries, and a kernel's arguments after the pointers.

    These are the number of entries, the sizes of all axes but the first, and for each array its strides, in entries: of
    the gates where it has them, then of each axis, 0 where it is one number wide there.
    Raises ValueError where the arrays do not fit each other.
    """
    shapes = {name: _without_gates(kernel, name, arrays[name].shape) for name in kernel.arrays if name in arrays}
    shape = np.broadcast_shapes(*shapes.values())
    for ref, _ in kernel.stores:
        if shapes.get(ref.array, shape) != shape:
            raise ValueError(f"a kernel over {shape} must write on arrays of that shape, got {shapes[ref.array]}")
    if prod(shape) >= MOST:
        raise ValueError(f"one kernel must have less than {MOST} entries, got {shape}; take shorter or fewer sequences")
    found = [prod(shape), *shape[1:]]
    for name in kernel.arrays:
        if name in kernel.made:
            found += [prod(shape[axis + 1 :]) for axis in range(len(shape))]
        else:
            found += _strides(arrays[name], name in kernel.by_gate, len(shape), itemsize)
    return shape, tuple(found)


def _strides(array: Array, by_gate: bool, ndim: int, itemsize: int) -> list[int]:
    steps = [0 if size == 1 else stride // itemsize for size, stride in zip(array.shape, array.strides, strict=True)]
    gate = [array.strides[0] // itemsize] if by_gate else []
    rest = steps[1:] if by_gate else steps
    return [*gate, *[0] * (ndim - len(rest)), *rest]


def _without_gates(kernel: Kernel, name: str, shape: Shape) -> Shape:
    return shape[1:] if name in kernel.by_gate else shape


def _block(arrays: dict[str, Array], ref: Any) -> Array:
    array = arrays[ref.array]
    return array if ref.gate is None else array[ref.gate]
