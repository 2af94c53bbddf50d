"""A cell's functions, compiled once for a type and a machine, and kept on disk for every later process."""

import hashlib
import importlib.util
import logging
import os
import sys
import tempfile
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import numpy as np

from npseq.cell import Cell
from npseq.compiled.loops import text
from npseq.gpu.program import Untraceable

log = logging.getLogger("npseq")
HEAD = """from math import cos, erfc, expm1, log, log1p, sin, sqrt

import numpy as np
from numba import njit

from npseq.compiled.arithmetic import functions
from npseq.compiled.head import head_of, within
from npseq.compiled.meeting import meet
from npseq.compiled.products import APART, PLAIN, add, times
from npseq.compiled.ragged import clear, keep
from npseq.compiled.tiles import tiles_of

T = np.{dtype}
one, zero, head = T(1), T(0), head_of(np.dtype(T))
exp, tanh = functions(np.dtype(T))["exp"], functions(np.dtype(T))["tanh"]
pack, batched, forth, back, span = tiles_of(np.dtype(T))


"""

PRODUCT = """@njit(cache=True, nogil=True, **PLAIN)
def product(M, x, B, out, n, depth, turned, arrived, of):
    first, last = span(n * B, of)
    batched(pack(M, 1, n, depth, turned, first // B, last // B), x, B, out, first, last)
"""


@cache
def functions_of(cell: Cell, dtype: np.dtype) -> ModuleType | None:
    """The module of forward, backward and, for a cell without vectors, step; None, with a word, where there is none."""
    if dtype.name not in ("float32", "float64"):
        log.warning("compiled=True: %s numbers take the plain path", dtype.name)
        return None
    try:
        source = HEAD.format(dtype=dtype.name) + text(cell, dtype)
    except Untraceable as error:
        log.warning("compiled=True: %s takes the plain path: %s", cell, error)
        return None
    return _module(type(cell).__name__, dtype, source, str(cell))


@cache
def batched_of(dtype: np.dtype) -> ModuleType:
    """The module of the batched product."""
    return _module("batched", dtype, HEAD.format(dtype=dtype.name) + PRODUCT, "the batched product")


def _module(name: str, dtype: np.dtype, source: str, what: str) -> ModuleType:
    name = f"npseq_{name}_{dtype.name}_{_digest(source)}"
    path = _folder() / f"{name}.py"
    if not path.exists():
        log.warning("compiling %s for %s, once, into %s: it takes some seconds", what, dtype.name, path.parent)
        _write(path, source)
    return _load(name, path)


def _digest(source: str) -> str:
    """Of all that a compiled function is made of."""
    own = "".join(path.read_text("utf-8") for path in sorted(Path(__file__).parent.glob("*.py")))
    return hashlib.sha256("".join([source, own, version("numba"), np.__version__]).encode()).hexdigest()[:16]


@cache
def _folder() -> Path:
    """The user's own cache, or a folder of this process where none can be written."""
    import pooch

    folder = Path(pooch.os_cache("npseq")) / "compiled"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return Path(tempfile.mkdtemp(prefix="npseq-compiled-"))


def _write(path: Path, source: str) -> None:
    """As a whole, since another process may read it."""
    own = path.with_suffix(f".{os.getpid()}")
    own.write_text(source, "utf-8")
    own.replace(path)


def _load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)  # where Numba looks for it
    spec.loader.exec_module(module)
    return module
