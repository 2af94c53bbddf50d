"""Every cell with random blocks for each of its methods, as the loop over time hands them over."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from npseq.cells import GRU, LSTM, RNN

H, P, B, N, LAGS = 5, 3, 4, 3, 2
CELLS: dict[str, tuple[Any, bool]] = {  # the cell, and whether it has biases
    "rnn tanh": (RNN("tanh"), True),
    "rnn relu": (RNN("relu"), True),
    "gru after": (GRU("after"), True),
    "gru after, no bias": (GRU("after"), False),
    "gru before": (GRU("before"), True),
    "lstm": (LSTM(), True),
    "lstm peepholes": (LSTM(peepholes=True), True),
    "lstm projection": (LSTM(projection=True), True),
    "lstm both": (LSTM(peepholes=True, projection=True), True),
}


class Call(NamedTuple):
    """A method's arguments by name; matrix: what `second` multiplies by."""

    method: str
    given: dict[str, Any]
    matrix: np.ndarray | None


def calls(name: str, dtype: Any, seed: int = 0) -> list[Call]:
    """forward, slopes, backward, and backward with an axis of lags, of one cell."""
    cell, bias = CELLS[name]
    rng = np.random.default_rng(seed)

    def block(*shape: int) -> np.ndarray:
        return rng.uniform(-0.9, 0.9, shape).astype(dtype)

    A, projected = len(cell.blocks), cell.second == "W_hp"
    state = P if projected else H
    has_c = "c" in cell.carries
    own = block(len(cell.own(bias)), H, 1) if cell.own(bias) else None
    U = None if cell.second is None else block(P, H) if projected else block(H, H)
    tape = block(N + 1, state + 2, B)  # [h; 1; x]: a step's h is not all of it
    c = block(N + 1, H, B) if has_c else None
    a = block(N, A, H, B)

    def pair(steps: Any) -> tuple:
        return tape[steps, :state], None if c is None else c[steps]

    forward = {
        "a": a[1].copy(),
        "before": pair(1),
        "own": own,
        "after": (block(state, B), c[2] * 0 if has_c else None),
    }
    slopes = {
        "a": a.swapaxes(0, 1),
        "before": pair(slice(0, N)),
        "after": pair(slice(1, N + 1)),
        "out": block(N, A, H, B).swapaxes(0, 1),
    }
    backwards = []
    for lags in ((), (LAGS,)):
        taped = (..., None, slice(None)) if lags else (...,)
        backwards.append(
            {
                "dh": block(B, *lags[::-1], state).T,  # the last state's comes turned
                "dc": block(H, *lags, B) if has_c else None,
                "a": a[0][taped] if cell.keeps_gates else None,
                "slopes": block(A, H, B)[taped],
                "more": block(H, B)[taped] if has_c else None,
                "own": None if own is None else own[..., None] if lags else own,
                "da": block(A, H, *lags, B),
            }
        )
    back = None if U is None else U.T
    return [Call("forward", forward, U), Call("slopes", slopes, None), *(Call("backward", b, back) for b in backwards)]


def mapped(value: Any, change: Any) -> Any:
    """Every array changed."""
    if isinstance(value, tuple):
        return tuple(mapped(part, change) for part in value)
    return value if value is None else change(value)


def run(cell: Any, call: Call, put: Any = lambda array: array) -> list[Any]:
    """All that a method returns or writes, after `put` of every argument."""
    given = {name: mapped(value, put) for name, value in call.given.items()}
    matrix = None if call.matrix is None else put(call.matrix)

    def second(x: Any) -> Any:
        return np.matmul(matrix, x.reshape(len(x), -1)).reshape(len(matrix), *x.shape[1:])

    if call.method != "slopes":
        given["second"] = second
    result = getattr(cell, call.method)(**given)
    written = {"forward": ("a", "after"), "slopes": ("out",), "backward": ("da",)}[call.method]
    found = [result, *(given[name] for name in written)]
    return [one for part in found for one in (part if isinstance(part, tuple) else (part,)) if one is not None]
