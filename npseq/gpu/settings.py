"""What of the fast ways on a device is used. Everything is on but TF32, which costs digits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from npseq.arguments import flag
from npseq.backend import device_module


@dataclass
class Settings:
    """fused: the pointwise part of a cell as one kernel; else CuPy's array operations, one by one. graphs: a training
    step of a fixed shape as a CUDA graph. tf32: float32 products on tensor cores, with 10 bits of mantissa.
    """

    fused: bool = True
    graphs: bool = True
    tf32: bool = False


CURRENT = Settings()


@contextmanager
def settings(fused: bool | None = None, graphs: bool | None = None, tf32: bool | None = None) -> Iterator[Settings]:
    """Inside a `with`, these settings; None leaves one as it is. Of the whole process, all threads.

    tf32 True or False is also told to CuPy, whose own default is off unless CUPY_TF32=1 stands in the environment; it
    needs CuPy and a device, and raises as layer.to("gpu") does without.
    """
    before = Settings(**vars(CURRENT))
    asked = {"fused": fused, "graphs": graphs, "tf32": tf32}
    given = {name: flag(name, value) for name, value in asked.items() if value is not None}
    theirs = _told_cupy(given["tf32"]) if "tf32" in given else None
    vars(CURRENT).update(given)
    try:
        yield CURRENT
    finally:
        vars(CURRENT).update(vars(before))
        if theirs is not None:
            device_module("gpu")._core.set_compute_type(np.float32, theirs)


def _told_cupy(tf32: bool) -> int:
    """CuPy's way to multiply float32 from now on; what it was. CuPy has no public name for that at run time."""
    core = device_module("gpu")._core
    before = core.get_compute_type(np.float32)
    linalg = core._routines_linalg
    core.set_compute_type(np.float32, linalg.COMPUTE_TYPE_TF32 if tf32 else linalg.COMPUTE_TYPE_DEFAULT)
    return before
