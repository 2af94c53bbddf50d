"""Switches for the GPU fast paths. All are on but TF32, which costs digits."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from npseq.arguments import flag
from npseq.backend import device_module


@dataclass
class Settings:
    """The switches of the GPU fast paths; `settings` changes them.

    Args:
        fused: whether the pointwise part of a cell is one kernel, not one of CuPy's array operations after another.
        graphs: whether a training step of a fixed shape becomes a CUDA graph.
        tf32: whether float32 products use tensor cores, with 10 bits of mantissa.

    Example:
        >>> ns.gpu.Settings()
        Settings(fused=True, graphs=True, tf32=False)
    """

    fused: bool = True
    graphs: bool = True
    tf32: bool = False

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            flag(name, value)


CURRENT = Settings()


@contextmanager
def settings(*, fused: bool | None = None, graphs: bool | None = None, tf32: bool | None = None) -> Iterator[Settings]:
    """Changes the switches of the GPU fast paths inside a `with`, for all threads of the process.

    tf32, True or False, also sets CuPy's own switch, which is off unless the environment has CUPY_TF32=1; this needs
    CuPy and a device.

    Args:
        fused, graphs, tf32: as in Settings; None leaves a switch as it is.

    Raises:
        TypeError: if a switch is neither True nor False.
        ImportError: if tf32 is given and there is no CuPy.
        RuntimeError: if tf32 is given and there is no device.

    Example:
        >>> with ns.gpu.settings(fused=False) as current:
        ...     current.fused, current.graphs
        (False, True)
    """
    before = Settings(**vars(CURRENT))
    switches = {"fused": fused, "graphs": graphs, "tf32": tf32}
    given = {name: flag(name, value) for name, value in switches.items() if value is not None}
    cupys = _set_cupy(given["tf32"]) if "tf32" in given else None
    vars(CURRENT).update(given)
    try:
        yield CURRENT
    finally:
        vars(CURRENT).update(vars(before))
        if cupys is not None:
            device_module("gpu")._core.set_compute_type(np.float32, cupys)


def _set_cupy(tf32: bool) -> int:
    """Sets how CuPy multiplies float32, for which it has no public name at run time; returns what it was."""
    core = device_module("gpu")._core
    before: int = core.get_compute_type(np.float32)
    linalg = core._routines_linalg
    core.set_compute_type(np.float32, linalg.COMPUTE_TYPE_TF32 if tf32 else linalg.COMPUTE_TYPE_DEFAULT)
    return before
