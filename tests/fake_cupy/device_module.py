"""The fake CuPy is a module `cupy` with those names of CuPy 13 that npseq may use, and no others."""

from __future__ import annotations

import sys
from functools import partial
from types import ModuleType, SimpleNamespace

import numpy as np
from fake_cupy import device_cublas
from fake_cupy import device_functions as functions
from fake_cupy import device_queue as queue
from fake_cupy.device_array import ndarray
from fake_cupy.device_kernels import RawKernel

# fmt: off
BORROWED = [  # CuPy takes these from NumPy
    "bool_", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32",
    "float64", "complex64", "complex128", "dtype", "finfo", "iinfo", "issubdtype", "promote_types", "newaxis",
    "pi", "e", "inf", "nan",
]
# fmt: on


class CUDARuntimeError(RuntimeError):
    """CUDA's error if there is no driver or device."""


def make(devices: int | None = 1) -> ModuleType:
    """A module `cupy` that sees this many devices; None: no driver."""
    module = ModuleType("cupy", __doc__)
    module.__version__ = "13.6.0"  # type: ignore[attr-defined]
    module.ndarray = ndarray  # type: ignore[attr-defined]
    for name in BORROWED:
        setattr(module, name, getattr(np, name))
    for name in functions.UFUNCS:
        setattr(module, name, partial(functions.call_ufunc, name))
    module.abs = module.absolute  # type: ignore[attr-defined]
    for name in functions.FUNCTIONS:
        setattr(module, name, partial(functions.call, name))
    for name in functions.CREATION:
        setattr(module, name, partial(functions.create, name))
    for name in functions.READING:
        setattr(module, name, partial(functions.read, name))
    module.linalg = SimpleNamespace(  # type: ignore[attr-defined]
        **{name: partial(functions.call_linalg, name) for name in functions.LINALG}
    )
    for name in ("array", "asarray", "ascontiguousarray", "asnumpy", "result_type", "can_cast", "einsum"):
        setattr(module, name, getattr(functions, name))

    def device_count() -> int:
        if devices is None:
            raise CUDARuntimeError("cudaErrorNoDevice: no CUDA-capable device is detected")
        return devices

    runtime = SimpleNamespace(
        CUDARuntimeError=CUDARuntimeError,
        getDeviceCount=device_count,
        runtimeGetVersion=lambda: 1000 * device_cublas.VERSION,
        driverGetVersion=lambda: 1000 * device_cublas.VERSION,
        getDeviceProperties=lambda number: {"name": b"fake CuPy", "major": 9, "minor": 0, "totalGlobalMem": 1 << 30},
    )
    module.RawKernel = RawKernel  # type: ignore[attr-defined]
    used: list[int] = []

    class Device:
        """A device by its number; `use` makes it a thread's current device, which `used` records here."""

        def __init__(self, number: int):
            if not 0 <= number < (devices or 0):
                raise CUDARuntimeError(f"cudaErrorInvalidDevice: invalid device ordinal {number}")
            self.id = number

        def use(self) -> None:
            used.append(self.id)

    module.used = used  # type: ignore[attr-defined]
    module._core = compute_types()  # type: ignore[attr-defined]
    module.cuda = SimpleNamespace(  # type: ignore[attr-defined]
        Device=Device,
        runtime=runtime,
        Stream=queue.Stream,
        Event=queue.Event,
        MemoryPool=queue.MemoryPool,
        using_allocator=queue.using_allocator,
        get_current_stream=queue.current_stream,
        get_elapsed_time=queue.elapsed,
        get_cublas_handle=lambda: bool(device_cublas.library()),
    )
    return module


def compute_types() -> SimpleNamespace:
    """The part of cupy._core that decides how float32 is multiplied, with the names and numbers of CuPy 13 and 14."""
    chosen = {}

    def set_compute_type(dtype: object, compute_type: int) -> None:
        chosen[np.dtype(dtype)] = compute_type

    linalg = SimpleNamespace(COMPUTE_TYPE_DEFAULT=1, COMPUTE_TYPE_TF32=7)
    return SimpleNamespace(
        _routines_linalg=linalg,
        set_compute_type=set_compute_type,
        get_compute_type=lambda dtype: chosen.get(np.dtype(dtype), linalg.COMPUTE_TYPE_DEFAULT),
    )


def further() -> dict[str, ModuleType]:
    """The modules cupyx, cupyx.scipy and cupyx.scipy.special."""
    modules = {name: ModuleType(name) for name in ("cupyx", "cupyx.scipy", "cupyx.scipy.special")}
    modules["cupyx.scipy.special"].erfc = functions.erfc  # type: ignore[attr-defined]
    return modules


def install(devices: int | None = 1) -> ModuleType:
    """Makes `import cupy` return the fake."""
    module = sys.modules["cupy"] = make(devices)
    sys.modules.update(further())
    return module
