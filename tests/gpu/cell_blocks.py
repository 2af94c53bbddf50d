"""Every cell with random blocks for each of its methods, as the loop over time hands them over."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from npseq import gallery
from npseq.bptt.blocks import blocks_of
from npseq.cell import has_own, parts_of
from npseq.layers.gru import GRUCell
from npseq.layers.lstm import LSTMCell
from npseq.layers.rnn import RNNCell

H, P, B, N, LAGS = 5, 3, 4, 3, 2
CELLS: dict[str, Any] = {
    "rnn tanh": RNNCell("tanh"),
    "rnn relu": RNNCell("relu"),
    "gru after": GRUCell("after"),
    "gru before": GRUCell("before"),
    "lstm": LSTMCell(),
    "lstm peepholes": LSTMCell(peepholes=True),
    "lstm projection": LSTMCell(projected=True),
    "lstm both": LSTMCell(peepholes=True, projected=True),
    "rnn gelu": RNNCell("gelu"),
    "gru elu": GRUCell("before", "hard_sigmoid", "elu"),
    "lstm clip": LSTMCell(True, False, "sigmoid(clip=0.5)", "softsign", "mish"),
    **{name: getattr(gallery, name)() for name in gallery.__all__},
}
WRITTEN = {"forward": ("a", "new"), "local_derivatives": ("s",), "backward": ("da",)}


class Call(NamedTuple):
    """A method's arguments by name; matrix: what `project` multiplies by."""

    method: str
    given: dict[str, Any]
    matrix: np.ndarray | None
    operands: int = 1


def calls(name: str, dtype: Any, seed: int = 0) -> list[Call]:
    """forward, local_derivatives, backward, and backward with an axis of lags, of one cell."""
    cell, rng = CELLS[name], np.random.default_rng(seed)

    def block(*shape: int) -> np.ndarray:
        return rng.uniform(-0.9, 0.9, shape).astype(dtype)

    blocks, projected = blocks_of(cell), cell.projection == "W_hp"
    A, further = len(blocks.names) + len(blocks.saved), len(cell.state) - 1
    state = P if projected else H
    p = block(len(cell.vectors), H, 1) if cell.vectors else None
    U = None if cell.projection is None else block(state, cell.operands * H)
    tape = block(N + 1, state + 2, B)  # [h; 1; x]: a step's h is not all of it
    c = parts_of(abs(block(N + 1, further * H, B)) if further > 1 else block(N + 1, H, B), further, axis=1)
    a = block(N, A, H, B)

    def at(steps: Any) -> tuple:
        return (tape[steps, :state], *(part[steps] for part in c))

    forward = {"a": a[1].copy(), "old": at(1), "new": (block(state, B), *(part[2] * 0 for part in c)), "p": p}
    local = {
        "a": a.swapaxes(0, 1),
        "old": at(slice(0, N)),
        "new": at(slice(1, N + 1)),
        "s": block(N, cell.local, H, B).swapaxes(0, 1),
    }
    backwards, derived = [], has_own(cell, "local_derivatives")
    for lags in ((), (LAGS,)):
        taped = (..., None, slice(None)) if lags else (...,)
        dh = block(B, *lags[::-1], state).T  # the last state's comes transposed
        backwards.append(
            {
                "dnew": (dh, *(block(H, *lags, B) for _ in c)),
                "a": a[0][taped] if cell.reads_gates else None,
                "s": block(cell.local, H, B)[taped]
                if derived
                else tuple(tuple(x[taped] for x in at(t)) for t in (0, 1)),
                "da": block(len(blocks.names) + blocks.vectors, H, *lags, B),
                "p": None if p is None else p[..., None] if lags else p,
            }
        )
    back = None if U is None else U.T
    calls = [Call("forward", forward, U, cell.operands), *([Call("local_derivatives", local, None)] if derived else [])]
    return [*calls, *(Call("backward", given, back, cell.operands) for given in backwards)]


def mapped(value: Any, change: Any) -> Any:
    """Every array changed."""
    if isinstance(value, tuple):
        return tuple(mapped(part, change) for part in value)
    return value if value is None else change(value)


def run(cell: Any, call: Call, put: Any = lambda array: array) -> list[Any]:
    """All that a method returns or writes, after `put` of every argument."""
    given = {name: mapped(value, put) for name, value in call.given.items()}
    matrix = None if call.matrix is None else put(call.matrix)

    def project(x: Any) -> Any:
        if call.method == "forward" and call.operands > 1:
            x = x.reshape(call.operands * x.shape[1], *x.shape[2:])
        found = np.matmul(matrix, x.reshape(len(x), -1)).reshape(len(matrix), *x.shape[1:])
        if call.method == "forward" or call.operands == 1:
            return found
        return found.reshape(call.operands, len(found) // call.operands, *found.shape[1:])

    if call.method != "local_derivatives":
        given["project"] = project
    found = [getattr(cell, call.method)(**given), *(given[name] for name in WRITTEN[call.method])]
    return [one for part in found for one in (part if isinstance(part, (tuple, list)) else (part,)) if one is not None]
