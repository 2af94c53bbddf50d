"""A Runner compiles and launches kernels; what a launch needs besides arrays is computed once for each layout."""

import hashlib
from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, array_module
from npseq.gpu.program import Kernel, MatrixProduct, Program, Reduction
from npseq.gpu.source import source

THREADS = 256  # per block
MAX_ENTRIES = 1 << 31  # of one launch
MAX_LAYOUTS = 4096  # of arrays whose launches are cached
Shape = tuple[int, ...]


class Launch(NamedTuple):
    """A kernel for arrays of one layout."""

    function: Any
    shape: Shape  # of the entries
    grid: tuple[int]
    numbers: tuple[int, ...]


class Runner:
    """Runs a program on arrays. label: the name of its kernels in a profile."""

    def __init__(self, program: Program, dtype: np.dtype, label: str):
        self.program, self.dtype, self.label = program, dtype, label
        self._launches: dict[tuple[Any, ...], Launch] = {}
        self._functions: dict[tuple[int, int], Any] = {}

    def __call__(self, arrays: dict[str, Array], product: Callable[[Array], Array] | None = None) -> list[Any]:
        """Runs it on arrays by name, which it writes as the traced method does; returns the results."""
        for k, step in enumerate(self.program.steps):
            if isinstance(step, MatrixProduct):
                assert product is not None
                arrays[step.result] = product(_block(arrays, step.operand))
            elif isinstance(step, Reduction):
                arrays[step.result] = getattr(_block(arrays, step.operand), step.op)(axis=0, keepdims=True)
            else:
                self._launch(k, step, arrays)
        return [None if ref is None else _block(arrays, ref) for ref in self.program.results]

    def _launch(self, k: int, kernel: Kernel, arrays: dict[str, Array]) -> None:
        given = [arrays[name] for name in kernel.arrays if name not in kernel.created]
        key = (k, *((array.shape, array.strides) for array in given))
        launch = self._launches.get(key)
        if launch is None:
            if len(self._launches) == MAX_LAYOUTS:
                self._launches.clear()
            launch = self._launches[key] = self._prepare(k, kernel, arrays, given)
        for name in kernel.created:
            arrays[name] = array_module(given[0]).empty(launch.shape, self.dtype)
        if launch.grid[0]:
            pointers = [arrays[name] for name in kernel.arrays]
            launch.function(launch.grid, (THREADS,), (*pointers, *launch.numbers))

    def _prepare(self, k: int, kernel: Kernel, arrays: dict[str, Array], given: list[Array]) -> Launch:
        for array in given:
            if array.dtype != self.dtype:
                raise TypeError(f"all arrays of one kernel must be {self.dtype}, got {array.dtype}")
        shape, numbers = launch_numbers(kernel, arrays, self.dtype.itemsize)
        ndim = len(shape)
        if (k, ndim) not in self._functions:
            self._functions[k, ndim] = compiled(array_module(given[0]), kernel, f"{self.label}_{k}", ndim, self.dtype)
        return Launch(self._functions[k, ndim], shape, (-(-prod(shape) // THREADS),), numbers)


def compiled(xp: Any, kernel: Kernel, label: str, ndim: int, dtype: np.dtype) -> Any:
    """Returns a cupy.RawKernel, which CuPy compiles at its first launch and caches on disk."""
    text = source(kernel, "NAME", ndim, dtype)
    name = f"npseq_{label}_{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return xp.RawKernel(text.replace("NAME", name), name)


def launch_numbers(kernel: Kernel, arrays: dict[str, Array], itemsize: int) -> tuple[Shape, tuple[int, ...]]:
    """Returns the shape of the entries, and a kernel's arguments after the pointers.

    These are the number of entries, the sizes of all axes but the first, and the strides of each array in entries: of
    the gates if it has them, then of each axis, 0 for an axis of size 1.
    Raises ValueError if the arrays do not fit each other.
    """
    shapes = {name: _without_gates(kernel, name, arrays[name].shape) for name in kernel.arrays if name in arrays}
    shape = np.broadcast_shapes(*shapes.values())
    for ref, _ in kernel.stores:
        if shapes.get(ref.array, shape) != shape:
            raise ValueError(f"a kernel over {shape} must write on arrays of that shape, got {shapes[ref.array]}")
    if prod(shape) >= MAX_ENTRIES:
        raise ValueError(
            f"one kernel must have less than {MAX_ENTRIES} entries, got {shape}; take shorter or fewer sequences"
        )
    numbers = [prod(shape), *shape[1:]]
    for name in kernel.arrays:
        if name in kernel.created:
            numbers += [prod(shape[axis + 1 :]) for axis in range(len(shape))]
        else:
            numbers += _strides(arrays[name], name in kernel.by_gate, len(shape), itemsize)
    return shape, tuple(numbers)


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
