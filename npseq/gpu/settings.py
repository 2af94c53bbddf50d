"""What of the fast ways on a device is used. Everything is on but TF32, which costs digits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from npseq.checks import flag


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
    """Inside a `with`, these settings; None leaves one as it is. Of the whole process, all threads."""
    before = Settings(**vars(CURRENT))
    for name, value in {"fused": fused, "graphs": graphs, "tf32": tf32}.items():
        if value is not None:
            setattr(CURRENT, name, flag(name, value))
    try:
        yield CURRENT
    finally:
        vars(CURRENT).update(vars(before))
