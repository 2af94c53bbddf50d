"""Settings of the process: how a CPU computes."""

from dataclasses import dataclass
from importlib.util import find_spec
from types import TracebackType
from typing import Any

from npseq.arguments import flag


@dataclass
class Settings:
    """What `settings` changes.

    Args:
        compiled: whether steps of one sequence run in compiled loops.
    """

    compiled: bool = False


CURRENT = Settings()


class settings:
    """Changes how npseq computes on the CPU, from now on, or inside a `with` until its end; for all threads.

    compiled=True needs the extra `fast` (`pip install 'npseq[fast]'`, Numba). Recurrent layers then run one sequence
    (B = 1) in compiled loops over time, made of the cell's own lines, and `LanguageModel.step` is compiled as a whole:
    the same mathematics, to the rounding of sums and of exp and tanh. A cell is compiled once for a type, which takes
    seconds, and is kept on disk. Batches, padding, truncations, complex numbers, what reads adjoints by lag or step and
    cells that cannot be traced take the plain path.

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
