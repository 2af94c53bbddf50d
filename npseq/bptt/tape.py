"""The tape: what forward saves for backward, as arrays with names, to print and to look into.

A strand is one layer in one direction. Its steps lie in its own order of time: a reverse strand's step 0 is x's last.
Feature-major: a step is a (features, B) block, so that every gate of it is one contiguous block of rows.
"""

from types import ModuleType
from typing import Any, NamedTuple

from npseq.backend import Array, MaybeArray
from npseq.bptt.blocks import Blocks
from npseq.bptt.workspace import Workspace, readable
from npseq.cell import Cell
from npseq.cpu import CURRENT
from npseq.shown import by_fields, describe, described, in_notebooks

WIDE = 8  # transpose the weights if T and B are at least this large
LARGE = 1 << 14  # with B = 1 and W_x at least this large, multiply all x before the loop: each step would reread W_x


class Weights(NamedTuple):
    """A strand's parameters as the loop multiplies with them. P state features, H units, D inputs, G gates."""

    W: Array  # (P + bias + D, G*H): rows [h; 1; x], a gate a block of columns
    U: MaybeArray  # (H, P) or (P, H): the second product, m U
    vectors: MaybeArray  # (n, H, 1): those that enter entry by entry
    h_biases: MaybeArray  # (n, H): biases of the blocks that x does not enter
    state: int  # P
    bias: int  # 1 where there is a row of biases, else 0
    blocks: Blocks  # how a step's blocks lie

    @property
    def inputs(self) -> Array:
        """(bias + D, G*H): the rows of [1; x]."""
        return self.W[self.state :]

    @property
    def x(self) -> Array:
        """(D, G*H): the rows of x alone."""
        return self.W[self.state + self.bias :]


@by_fields
class Strand(NamedTuple):
    """One layer in one direction: T steps of B sequences, in the strand's own order of time."""

    s: Array  # (T + 1, K, B): [h_t; 1; x_t] before step t; only [h_t] where `ids` are looked up
    c: MaybeArray  # (T + 1, k*H, B): the other parts of the state before step t, such as the LSTM's cell state
    a: Array  # (T, A, H, B): activated gates and what else is saved; of one step only where backward does not read them
    m: MaybeArray  # (T, H, B), or several H: the second product's operand
    transposed: MaybeArray  # (G*H, K): the weights row by row, which is faster over many wide steps
    x_first: bool  # whether x is multiplied for all steps at once, before the loop; else with h, step by step
    ids: MaybeArray  # (T, B): token ids, where their weights are looked up instead of multiplied
    mask: MaybeArray  # (T, 1, B) bool: False where a sequence is over and its state stays what it was
    ragged: tuple[bool, ...]  # (T,): whether any sequence is over at step t

    @property
    def steps(self) -> int:
        return len(self.s) - 1


@in_notebooks
class Tape(NamedTuple):
    """Everything that a recurrent layer's backward reads: strands[layer][direction] and dropout masks."""

    strands: tuple[tuple[Strand, ...], ...]
    dropout: tuple[list[Array] | None, ...]  # a layer's masks (T, features, B), one an input; None where there are none
    token_ids: bool  # whether x was ids, so that there is no dx
    signature: tuple[Any, ...]  # the cell, sizes and dtype of the layer that ran
    mark: tuple[Any, ...]  # of the parameters that it ran with: `Parameters.mark`
    views: Workspace | None = None  # of each step, kept for the next forward that writes over this tape

    def __repr__(self) -> str:
        """T, B and the memory that it holds, then what is saved of each layer."""
        first, size, lines = self.strands[0][0], 0, []
        for layer, row in enumerate(self.strands):
            for strand, direction in zip(row, ("", ", reverse"), strict=False):
                size += sum(array.nbytes for array in strand if hasattr(array, "nbytes"))
                lines += [f"  layer {layer}{direction}:", *(f"  {line}" for line in describe(strand).split("\n")[1:])]
        masks = [f"  dropout: {described(self.dropout)}"] if any(self.dropout) else []
        return "\n".join([f"Tape: T = {first.steps}, B = {first.s.shape[2]}, {readable(size)}", *lines, *masks])


def new_strand(
    xp: ModuleType, cell: Cell, w: Weights, steps: int, batch: int, looked_up: bool, old: Strand | None
) -> Strand:
    """An uninitialised strand: the old one if it fits, since fresh memory is slow."""
    dtype, units = w.W.dtype, w.W.shape[1] // len(cell.gates)
    rows = w.state if looked_up else w.W.shape[0]
    blocks = w.blocks
    x_first = looked_up or not blocks.one_product or (batch == 1 and (w.x.size >= LARGE or CURRENT.compiled))
    alike = old is not None and old.s.shape == (steps + 1, rows, batch) and isinstance(old.s, xp.ndarray)
    if alike and old is not None and old.x_first == x_first:
        return old if old.mask is None else old._replace(mask=None, ragged=(False,) * steps)
    saved_steps = steps if cell.reads_gates or x_first else min(steps, 1)

    def empty(needed: bool, *shape: int) -> MaybeArray:
        return xp.empty(shape, dtype) if needed else None

    return Strand(
        s=empty(True, steps + 1, rows, batch),
        c=empty(len(cell.state) > 1, steps + 1, (len(cell.state) - 1) * units, batch),
        a=empty(True, saved_steps, len(blocks.names) + len(blocks.saved), units, batch),
        m=empty(w.U is not None, steps, cell.operands * units, batch),
        transposed=empty(batch >= WIDE and steps >= WIDE, w.W.shape[1], w.state if x_first else rows),
        x_first=x_first,
        ids=None,
        mask=None,
        ragged=(False,) * steps,
    )
