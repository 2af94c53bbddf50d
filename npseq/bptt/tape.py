"""What forward leaves for backward: arrays with names, to print and to look into.

A strand is one layer in one direction. Its steps lie in its own order of time: a reverse strand's step 0 is x's last.
Feature-major: a step is a (features, B) block, so that every gate of it is one contiguous block of rows.
"""

from __future__ import annotations

from types import ModuleType
from typing import NamedTuple

from npseq.backend import Array, MaybeArray
from npseq.bptt.workspace import readable
from npseq.cells import Cell

WIDE = 8  # from so many steps of so many sequences on, turning the weights pays
AHEAD = 1 << 14  # numbers: from so many weights of x on, one sequence meets them ahead: a step's time is their reading


class Weights(NamedTuple):
    """A strand's parameters as the loop multiplies with them. P state features, H units, D inputs, G gates."""

    W: Array  # (P + bias + D, G*H): rows [h; 1; x], a gate a block of columns
    U: MaybeArray  # (H, P) or (P, H): the second product, m U
    own: MaybeArray  # (n, H, 1): vectors that enter pointwise
    inner: MaybeArray  # (n, H): biases of the blocks that h alone meets
    state: int  # P
    bias: int  # 1 where there is a row of biases, else 0

    @property
    def inputs(self) -> Array:
        """(bias + D, G*H): the rows that [1; x] meets."""
        return self.W[self.state :]

    @property
    def x(self) -> Array:
        """(D, G*H): the rows that x alone meets."""
        return self.W[self.state + self.bias :]


class Strand(NamedTuple):
    """One layer in one direction: T steps of B sequences, in the strand's own order of time."""

    s: Array  # (T + 1, K, B): [h_t; 1; x_t] before step t; only [h_t] where `ids` are looked up
    c: MaybeArray  # (T + 1, H, B): the LSTM's cell state before step t
    a: Array  # (T, A, H, B): gates after their nonlinearity; one step's room where backward does not read them
    m: MaybeArray  # (T, H, B): the second product's operand
    turned: MaybeArray  # (G*H, K): the weights row by row, which is faster over many wide steps
    ahead: bool  # whether x is multiplied for all steps at once, before the first; else with h, step by step
    ids: MaybeArray  # (T, B): token ids, where their weights are looked up instead of multiplied
    mask: MaybeArray  # (T, 1, B) bool: False where a sequence is over and its state stands still
    ragged: tuple[bool, ...]  # (T,): whether any sequence is over at step t

    def __repr__(self) -> str:
        return describe(self)

    @property
    def steps(self) -> int:
        return len(self.s) - 1


class Tape(NamedTuple):
    """Everything a recurrent layer's backward reads: strands[layer][direction], and what dropout kept."""

    strands: tuple[tuple[Strand, ...], ...]
    kept: tuple[Array | None, ...]  # a layer's input dropout factors (T, features, B), None where there was none
    token_ids: bool  # whether x was ids, so that there is no dx
    made_by: tuple  # what the layer is that ran: its cell and sizes

    def __repr__(self) -> str:
        """T, B and the memory it holds, then a line a field."""
        first, size = self.strands[0][0], 0
        for row in self.strands:
            size += sum(array.nbytes for strand in row for array in strand if hasattr(array, "nbytes"))
        head = f"Tape: T = {first.steps}, B = {first.s.shape[2]}, {readable(size)}"
        return describe(self).replace("Tape:", head, 1)


def describe(fields: NamedTuple) -> str:
    """A line a field, arrays by shape and dtype."""
    lines = []
    for name, value in zip(fields._fields, fields, strict=True):
        lines.append(f"  {name}: {_described(value)}")
    return "\n".join([f"{type(fields).__name__}:", *lines])


def _described(value: object) -> str:
    if type(value) is tuple and value and all(hasattr(part, "dtype") and hasattr(part, "shape") for part in value):
        return ", ".join(map(_described, value))
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"{value.shape} {value.dtype}"
    return repr(value).replace("\n", "\n  ")


def new_strand(
    xp: ModuleType, cell: Cell, w: Weights, steps: int, batch: int, looked_up: bool, old: Strand | None = None
) -> Strand:
    """An uninitialised strand: the old one if it fits, since fresh memory is slow."""
    dtype, units = w.W.dtype, w.W.shape[1] // len(cell.gates)
    rows = w.state if looked_up else w.W.shape[0]
    if old is not None and old.s.shape == (steps + 1, rows, batch) and isinstance(old.s, xp.ndarray):
        return old if old.mask is None else old._replace(mask=None, ragged=(False,) * steps)
    ahead = looked_up or not cell.at_once or (batch == 1 and w.x.size >= AHEAD)
    kept_steps = steps if cell.keeps_gates or ahead else min(steps, 1)

    def workspace(needed: bool, *shape: int) -> MaybeArray:
        return xp.empty(shape, dtype) if needed else None

    return Strand(
        s=workspace(True, steps + 1, rows, batch),
        c=workspace("c" in cell.carries, steps + 1, units, batch),
        a=workspace(True, kept_steps, len(cell.blocks), units, batch),
        m=workspace(w.U is not None, steps, units, batch),
        turned=workspace(batch >= WIDE and steps >= WIDE, w.W.shape[1], w.state if ahead else rows),
        ahead=ahead,
        ids=None,
        mask=None,
        ragged=(False,) * steps,
    )
