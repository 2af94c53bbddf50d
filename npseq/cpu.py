"""Settings of the process: how a CPU computes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import product
from types import TracebackType
from typing import Any

from npseq.arguments import flag


@dataclass
class Settings:
    """What `settings` changes.

    Args:
        compiled: whether recurrent layers run in compiled loops.
    """

    compiled: bool = False


CURRENT = Settings()


class settings:
    """Changes how npseq computes on the CPU, from now on, or inside a `with` until its end; for all threads.

    compiled=True needs the extra `fast` (`pip install 'npseq[fast]'`, Numba). Recurrent layers then run in compiled
    loops over time, made of the cell's own lines, and `LanguageModel.step` on one sequence is compiled as a whole:
    the same mathematics, to the rounding of sums and of exp and tanh. A cell is compiled once for a type, which takes
    seconds, and is kept on disk. Truncations, complex numbers, what reads adjoints by lag or step, batches of few
    steps or sequences, steps that are too large for a cache, and cells that cannot be traced take the plain path.

    Args:
        compiled: whether to; None leaves it as it is.

    Raises:
        TypeError: if a setting is neither True nor False.
        ImportError: for compiled=True without Numba.

    Example:
        >>> with ns.settings(compiled=False):
        ...     model = ns.LanguageModel(28, "gru", 16, rng=0)
    """

    def __init__(self, *, compiled: bool | None = None):
        self._before = dict(vars(CURRENT))
        if compiled is None:
            return
        wanted = flag("compiled", compiled)
        if wanted and find_spec("numba") is None:
            raise ImportError("compiled=True needs Numba, which is not installed; pip install 'npseq[fast]'")
        CURRENT.compiled = wanted

    def __enter__(self) -> Settings:
        return CURRENT

    def __exit__(self, kind: Any, error: Any, where: TracebackType | None) -> None:
        vars(CURRENT).update(self._before)


@cache
def pools() -> list[tuple[Callable[[], int], Callable[[int], None]]]:
    """How the number of threads is read, and set, of each library that multiplies matrices here.

    Of OpenBLAS these are its own functions: threadpoolctl looks them up at each call, which costs more than a small
    step's product, and lets only the first of all Python threads set them.
    """
    from threadpoolctl import ThreadpoolController

    return [_functions(pool) for pool in ThreadpoolController().select(user_api="blas").lib_controllers]


def _functions(pool: Any) -> tuple[Callable[[], int], Callable[[int], None]]:
    if getattr(pool, "threading_layer", "openmp") != "openmp":  # whose number is another library's, for each thread
        for prefix, suffix in product(("", "scipy_"), ("", "64_", "_64")):
            names = [f"{prefix}openblas_{verb}_num_threads{suffix}" for verb in ("get", "set")]
            if all(hasattr(pool.dynlib, name) for name in names):
                return getattr(pool.dynlib, names[0]), getattr(pool.dynlib, names[1])
    return pool.get_num_threads, pool.set_num_threads
