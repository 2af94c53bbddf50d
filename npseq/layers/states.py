"""States: the user's (L*R, B, features), an LSTM's a pair (h, c), and those of the strands, features first."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npseq.backend import Array, MaybeArray
from npseq.cell import Cell
from npseq.layers.batch import check_array


def check_state(
    name: str, state: Any, cell: Cell, shapes: Mapping[str, tuple[int, ...]], dtype: np.dtype, xp: Any
) -> tuple[Array, Array | None]:
    """(h, c), c None where the cell has none; None is zeros. shapes: of "h" and "c"."""
    if state is None:
        state = (None,) * len(cell.state)
    elif len(cell.state) == 1:
        state = (state,)
    elif not isinstance(state, (tuple, list)) or len(state) != 2:
        raise TypeError(f"{name} of an LSTM must be a pair (h, c), got {type(state).__name__}")
    parts = [
        _check_part(name, part, value, shapes[part], dtype, xp) for part, value in zip(cell.state, state, strict=True)
    ]
    return parts[0], parts[1] if len(parts) == 2 else None


def _check_part(name: str, part: str, value: Array | None, shape: tuple[int, ...], dtype: np.dtype, xp: Any) -> Array:
    return xp.zeros(shape, dtype) if value is None else check_array(f"{name} ({part})", value, shape, dtype, xp)


def stack_state(h: list[Array], c: list[MaybeArray], xp: Any) -> Any:
    """A copy of the strands' (P, B) and (H, B) as the user's state."""
    first = _stack(h, xp)
    return first if c[0] is None else (first, _stack(c, xp))


def _stack(parts: list[Array], xp: Any) -> Array:
    """xp.stack of their transposes, without its overhead."""
    if len(parts) == 1:
        return parts[0].T[None].copy()
    out = xp.empty((len(parts), *parts[0].T.shape), parts[0].dtype)
    for k, part in enumerate(parts):
        out[k] = part.T
    return out


def state_arrays(state: Any) -> list[Array]:
    """The arrays of a state of one layer: [h], an LSTM's [h, c]; a part that is None is left out."""
    return [part for part in (state if isinstance(state, tuple | list) else (state,)) if part is not None]


def as_state(arrays: Sequence[Array]) -> Any:
    """The state of which these are the arrays: h, an LSTM's (h, c)."""
    return arrays[0] if len(arrays) == 1 else tuple(arrays)
