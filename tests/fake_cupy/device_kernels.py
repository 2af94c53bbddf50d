"""A fake cupy.RawKernel compiles CUDA's text with a C compiler and runs its threads one after the other.

Macros remove what CUDA adds to C, so every index, stride and argument is the kernel's own.
"""

from __future__ import annotations

import ctypes
import hashlib
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from fake_cupy.device_array import ndarray
from fake_cupy.device_queue import queued

COMPILER = shutil.which("gcc") or shutil.which("cc")
OPTIONS = ["-O1", "-ffp-contract=off", "-fPIC", "-shared", "-std=c99", "-Wall", "-Werror", "-Wno-unused-variable"]
PRELUDE = """
#include <math.h>
#include <stdbool.h>
#define __global__
struct dim3 { unsigned int x, y, z; };
static struct dim3 blockIdx, blockDim, threadIdx, gridDim;
"""
LOOP = """
void run(long long blocks, long long threads, {parameters})
{{
    blockDim.x = threads; gridDim.x = blocks;
    for (long long b = 0; b < blocks; b++)
        for (long long t = 0; t < threads; t++) {{ blockIdx.x = b; threadIdx.x = t; {name}({names}); }}
}}
"""


class RawKernel:
    """With CuPy's signature; grid and block of one axis."""

    def __init__(self, code: str, name: str, options: tuple = (), backend: str = "nvrtc"):
        if options or backend != "nvrtc":
            raise NotImplementedError(f"options {options} and backend {backend} are not known here")
        self.code, self.name = code, name
        self.parameters = parameters(code, name)

    @queued
    def __call__(self, grid: tuple[int], block: tuple[int], args: tuple) -> None:
        if not (len(grid) == len(block) == 1 and 0 < grid[0] < 2**31 and 0 < block[0] <= 1024):
            raise ValueError(f"cudaErrorInvalidConfiguration: grid {grid}, block {block}")
        if len(args) != len(self.parameters):
            raise TypeError(f"{self.name} takes {len(self.parameters)} arguments, got {len(args)}")
        host = [_argument(value, kind) for value, kind in zip(args, self.parameters.values(), strict=True)]
        library(self.code, self.name).run(ctypes.c_longlong(grid[0]), ctypes.c_longlong(block[0]), *host)


def parameters(code: str, name: str) -> dict[str, str]:
    """{name: type} of a kernel's parameters, read from its text."""
    found = re.search(rf'extern "C" __global__ void {name}\(([^)]*)\)', code)
    if found is None:
        raise ValueError(f'the text must hold extern "C" __global__ void {name}(...)')
    pairs = [part.strip().rsplit(" ", 1) for part in found[1].split(",")]
    return {one: kind for kind, one in pairs}


def _argument(value: Any, kind: str) -> Any:
    """An argument as CUDA gets it, checked here: a device does not notice a pointer to another dtype."""
    if isinstance(value, ndarray):
        wanted = {"float": np.float32, "double": np.float64}.get(kind.rstrip("*"))
        if not kind.endswith("*") or (wanted and value.dtype != wanted):
            raise TypeError(f"the kernel takes {kind}, got an array of {value.dtype}")
        return ctypes.c_void_p(value.data.ptr)
    if type(value) is int and kind == "long long":
        return ctypes.c_longlong(value)
    raise TypeError(f"the kernel takes {kind}, got {value!r}")


@cache
def library(code: str, name: str) -> ctypes.CDLL:
    """The compiled text. Raises RuntimeError with the compiler's message."""
    if COMPILER is None:
        raise RuntimeError("the fake CuPy's kernels need a C compiler, gcc or cc")
    real = re.search(r"typedef (\w+) T;", code)
    known = {one: kind.replace("T*", f"{real[1]}*") if real else kind for one, kind in parameters(code, name).items()}
    given = ", ".join(f"{kind} {one}" for one, kind in known.items())
    loop = LOOP.format(parameters=given, name=name, names=", ".join(known))
    text = PRELUDE + code.replace('extern "C"', "static") + loop
    folder = Path(tempfile.gettempdir()) / f"npseq-kernels-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    with tempfile.TemporaryDirectory(prefix=folder.name) as made:
        path = Path(made) / "kernel.c"
        path.write_text(text)
        command = [COMPILER, *OPTIONS, str(path), "-o", str(path.with_suffix(".so")), "-lm"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode:
            raise RuntimeError(f"{answer.stderr}\n{text}")
        return ctypes.CDLL(str(path.with_suffix(".so")))
