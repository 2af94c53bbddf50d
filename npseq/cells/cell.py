"""What the loop over time asks of a cell.

Letters: H hidden units, P state features seen by the next step (H, or proj_size), D inputs, B sequences, G gates.
A step of every cell is one product or two, each with a pointwise function behind it:

    a = W' [h; 1; x]            the first product: (A, H, B), a block for each gate, and for what else h alone meets
    v = U' m                    the second product, where a cell has one; `forward` says what m is

A parameter always enters a pre-activation linearly. So its gradient is a sum over time of (adjoint of the result) times
(operand), and that sum stands once, in `npseq.bptt.gradients`; a cell only says what is pointwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from npseq.backend import Array, MaybeArray

Product = Callable[[Array], Array]
State = tuple[Array, MaybeArray]  # (h, c), c None where a cell has none


@dataclass(frozen=True)
class Cell:
    """One step's mathematics; no state of its own, no loop over time."""

    gates: ClassVar[tuple[str, ...]]  # by name, in storage order; x meets them all
    carries: ClassVar[tuple[str, ...]] = ("h",)  # what goes from step to step
    keeps_gates: ClassVar[bool] = True  # whether backward reads the gates
    block: ClassVar[int] = 1 << 16  # numbers: local derivatives of as many steps at once as stay in a cache of a core

    @property
    def blocks(self) -> tuple[str, ...]:
        """The names of the blocks of a: the gates, and what h alone meets."""
        return self.gates

    @property
    def direct(self) -> int:
        """How many blocks, the first ones, take h through the first product; the rest take it through the second."""
        return len(self.blocks)

    @property
    def at_once(self) -> bool:
        """Whether h and x meet the same blocks, so that one product [h; 1; x] does for both."""
        return self.direct == len(self.gates) == len(self.blocks)

    @property
    def alone(self) -> tuple[int, ...]:
        """Which blocks h alone meets."""
        return tuple(k for k, name in enumerate(self.blocks) if name not in self.gates)

    def runs(self, units: int) -> tuple[tuple[slice, slice], ...]:
        """(rows, columns): which rows of a step (A*H, B) are which columns of x's weights (D, G*H), run by run."""
        return _runs(self.blocks, self.gates, units)

    @property
    def second(self) -> str | None:
        """The parameter of the second product: its name, or None where there is one product only."""
        return None

    def on(self, like: Array) -> Any:
        """This cell for arrays that live where `like` does: itself on the host, with fused kernels on a device."""
        if isinstance(like, np.ndarray):
            return self
        from npseq.gpu.cell import fused
        from npseq.gpu.settings import CURRENT

        return fused(self) if CURRENT.fused else self

    def own(self, bias: bool) -> tuple[str, ...]:
        """Names of the vectors (H,) that enter pointwise: peepholes."""
        return ()

    def inner(self, bias: bool) -> tuple[str, ...]:
        """Names of the biases (H,) of the blocks that h alone meets."""
        return ()

    def forward(self, a: Array, before: State, own: Array | None, second: Product | None, after: State) -> None:
        """Writes the next state. a (A, H, B) comes as pre-activations, and the gates among them are turned in place.

        before, after: the state (h, c) before the step and after it, h (P, B), c (H, B); `after` is written, and may be
        `before` itself, in place: what is read of the old state is read before the new one is there.
        own (n, H, 1); second multiplies by U', and is None where a cell has no U.
        """
        raise NotImplementedError

    def slopes(
        self,
        a: Array,
        before: State,
        after: State,
        out: Array,
    ) -> Array | None:
        """The local derivatives that backward multiplies with, for any number of steps at once: they need no adjoint.

        a (A, N, H, B) as forward left it, before and after = (h, c), each (N, ., B): N steps of the tape. `out`
        (A, N, H, B) receives what the adjoints are multiplied with for each block; more is returned, (N, H, B).
        """
        raise NotImplementedError

    def backward(
        self,
        dh: Array,
        dc: Array | None,
        a: Array | None,
        slopes: Array,
        more: Array | None,
        own: Array | None,
        second: Product | None,
        da: Array,
    ) -> tuple[Array | None, Array | None]:
        """The adjoints of (h, c) before the step, less what the first product passes, which the loop adds.

        dh (P, ..., B), dc (H, ..., B): adjoints of (h, c) after the step. a, slopes (A, H, ..., B) and more
        (H, ..., B): of this step. second multiplies by U. da (A, H, ..., B) receives the adjoints of the
        pre-activations.
        """
        raise NotImplementedError

    def own_gradients(self, da: Array, c_before: Array | None, c_after: Array | None) -> tuple[Array, ...]:
        """Each own vector's gradient, (H, T, B), not yet summed. da (A, H, T, B), the others (H, T, B)."""
        return ()


@lru_cache
def _runs(blocks: tuple[str, ...], gates: tuple[str, ...], units: int) -> tuple[tuple[slice, slice], ...]:
    runs: list[list[int]] = []  # first block, first gate, how many
    for gate, name in enumerate(gates):
        block = blocks.index(name)
        if runs and block == runs[-1][0] + runs[-1][2]:
            runs[-1][2] += 1
        else:
            runs.append([block, gate, 1])
    return tuple(
        (slice(block * units, (block + many) * units), slice(gate * units, (gate + many) * units))
        for block, gate, many in runs
    )
