"""How the blocks of a step lie in memory, derived from a cell's two tuples of names.

a holds the blocks that h enters first, then the gates that x alone enters, then those that no product
fills. W holds one column block a gate; h's weights
for block k stand in column block k, and those of a second product that is named as a gate's in the next.
"""

from collections.abc import Callable
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

from npseq.backend import Array
from npseq.cell import Cell, has_own


class Blocks(NamedTuple):
    """The blocks of a cell's pre-activations."""

    names: tuple[str, ...]  # those of the products
    with_h: int  # the first so many take h through the first product
    h_only: tuple[int, ...]  # those that x does not enter
    one_product: bool  # whether h and x enter the same blocks, so that one product of [h; 1; x] does for both
    h_weights: tuple[str, ...]  # h's matrices in W by their column blocks; the second product's is the last, if there
    saved: tuple[str, ...] = ()  # further blocks of a, which no product fills: masks, and what forward saves
    vectors: int = 0  # further blocks of da: the gradients of so many vectors, which backward writes
    parts: int = 0  # of the state, beside h
    derived: bool = True  # whether the cell has local derivatives


@lru_cache
def blocks_of(cell: Cell) -> Blocks:
    gates, h_blocks = cell.gates, cell.h_blocks
    names = (*h_blocks, *(gate for gate in gates if gate not in h_blocks))
    h_only = tuple(k for k, name in enumerate(names) if name not in gates)
    h_weights = [f"W_h{name}" if name in gates else f"W_{name}" for name in h_blocks]
    h_weights += [f"W_h{gate}" for gate in gates if f"W_h{gate}" == cell.projection]
    saved, vectors = (*cell.masks, *cell.saved), 0 if has_own(cell, "vector_gradients") else len(cell.vectors)
    further = (saved, vectors, len(cell.state) - 1, has_own(cell, "local_derivatives"))
    return Blocks(names, len(h_blocks), h_only, h_blocks == gates, tuple(h_weights), *further)


@lru_cache
def x_runs(cell: Cell, units: int) -> tuple[tuple[slice, slice], ...]:
    """(rows of a step (A*H, B), columns of x's weights (D, G*H)) that belong together, run by run of adjacent gates."""
    names = blocks_of(cell).names
    runs: list[list[int]] = []  # (first block, first gate, how many)
    for gate, name in enumerate(cell.gates):
        block = names.index(name)
        if runs and block == runs[-1][0] + runs[-1][2]:
            runs[-1][2] += 1
        else:
            runs.append([block, gate, 1])
    return tuple(
        (slice(block * units, (block + many) * units), slice(gate * units, (gate + many) * units))
        for block, gate, many in runs
    )


def of_blocks(project: Any) -> Callable[[Array], Array]:
    """The function of (operands, H, ...) that is `project` of the blocks side by side."""
    return lambda x: project(x.reshape(prod(x.shape[:2]), *x.shape[2:]))


def to_blocks(project: Any, operands: int) -> Callable[[Array], Array]:
    """`project`, whose result is cut into blocks (operands, H, ...)."""

    def blocks(x: Array) -> Array:
        found: Array = project(x)
        return found.reshape(operands, len(found) // operands, *found.shape[1:])

    return blocks
