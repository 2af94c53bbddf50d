"""States: the user's (L*R, B, features), an LSTM's a pair (h, c), and those of the strands, features first."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from npseq.backend import Array, MaybeArray, array_module
from npseq.bptt.tape import Tape
from npseq.cell import Cell
from npseq.layers.batch import check_array


def check_state(
    name: str, state: Any, cell: Cell, shapes: Mapping[str, tuple[int, ...]], dtype: np.dtype, xp: Any
) -> tuple[Array, Array | None]:
    """(h, c), c None where the cell has none; None is zeros. shapes: of "h" and "c"."""
    if len(cell.state) == 1:
        return _checked_part(f"{name} (h)", state, shapes["h"], dtype, xp), None
    if state is not None and (not isinstance(state, (tuple, list)) or len(state) != 2):
        who = "an LSTM" if cell.state == ("h", "c") else f"a cell with the state {cell.state}"
        raise TypeError(f"{name} of {who} must be a pair (h, c), got {type(state).__name__}")
    h, c = (None, None) if state is None else state
    return (
        _checked_part(f"{name}[0] (h)", h, shapes["h"], dtype, xp),
        _checked_part(f"{name}[1] (c)", c, shapes["c"], dtype, xp),
    )


def _checked_part(name: str, part: Any, shape: tuple[int, ...], dtype: np.dtype, xp: Any) -> Array:
    if part is not None:
        return check_array(name, part, shape, dtype, xp)
    rows, batch, features = shape
    zeros: Array = xp.zeros((rows, features, batch), dtype).swapaxes(1, 2)  # in memory as the strands' own
    return zeros


def stack_state(h: Sequence[Array], c: Sequence[MaybeArray], xp: Any) -> Any:
    """A copy of the strands' (P, B) and (H, B) as the user's state."""
    first = _stack(h, xp)
    return first if c[0] is None else (first, _stack(c, xp))


def _stack(parts: Sequence[Array], xp: Any) -> Array:
    """xp.stack of their transposes, without its overhead; in memory the features stay first, as the strands' do."""
    out: Array = xp.empty((len(parts), *parts[0].shape), parts[0].dtype)
    for k, part in enumerate(parts):
        out[k] = part
    return out.swapaxes(1, 2)


def state_arrays(state: Any) -> list[Array]:
    """The arrays of one layer's state: [h], an LSTM's [h, c]; a part that is None is left out."""
    return [part for part in (state if isinstance(state, tuple | list) else (state,)) if part is not None]


def as_state(arrays: Sequence[Array]) -> Any:
    """The state of which these are the arrays: h, an LSTM's (h, c)."""
    return arrays[0] if len(arrays) == 1 else tuple(arrays)


def map_state(f: Callable[..., Any], *states: Any) -> Any:
    """f of the arrays that lie in the same place of each state; None, for a state of zeros, stays None."""
    first = states[0]
    if isinstance(first, tuple):
        return tuple(map_state(f, *parts) for parts in zip(*states, strict=True))
    return None if first is None else f(*states)


def add_states(first: Any, second: Any) -> Any:
    """The sum of two states, or gradients of them, part by part; None is zeros."""
    if first is None or second is None:
        return second if first is None else first
    if isinstance(first, tuple):
        return tuple(add_states(a, b) for a, b in zip(first, second, strict=True))
    return first + second


def h_of(state: Any) -> Array:
    """h (L*R, B, P) of one layer's state."""
    h: Array = state[0] if isinstance(state, tuple) else state
    return h


def state_with(cell: Cell, h: Array) -> Any:
    """The state of this h whose c, if the cell has one, is zero."""
    return (h, None) if len(cell.state) > 1 else h


def h_from_rows(rows: Array, layers: int) -> Array:
    """h (L, B, P) from (B, L*P), the layers side by side."""
    return rows.reshape(len(rows), layers, rows.shape[1] // layers).swapaxes(0, 1)


def rows_of(h: Array) -> Array:
    """(B, L*P) from h (L, B, P): the reverse of `h_from_rows`."""
    return h.swapaxes(0, 1).reshape(h.shape[1], h.shape[0] * h.shape[2])


def state_before(tape: Tape, step: int, size: int) -> Any:
    """The state before a step, from the tape of a layer of one direction without lengths; size is P."""
    strands = [row[0] for row in tape.strands]
    c = [None if strand.c is None else strand.c[step] for strand in strands]
    return stack_state([strand.s[step, :size] for strand in strands], c, array_module(strands[0].s))
