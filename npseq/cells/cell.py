"""What the loop over time asks of a cell.

Letters: H hidden units, P state features seen by the next step (H, or proj_size), D inputs, B sequences, G gates.
A step of every cell is one product or two, each with a pointwise function behind it:

    a = W' [h; 1; x]            the first product: pre-activations (G, H, B), a gate a block
    v = U' m                    the second product, where a cell has one; `forward` says what m is

A parameter always enters a pre-activation linearly. So its gradient is a sum over time of (adjoint of the result) times
(operand), and that sum stands once, in `npseq.bptt.gradients`; a cell only says what is pointwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from npseq.backend import Array, MaybeArray

Product = Callable[[Array], Array]
State = tuple[Array, MaybeArray]  # (h, c), c None where a cell has none


@dataclass(frozen=True)
class Cell:
    """One step's mathematics; no state of its own, no loop over time."""

    gates: ClassVar[tuple[str, ...]]  # the names of the blocks of a, in storage order
    carries: ClassVar[tuple[str, ...]] = ("h",)  # what goes from step to step
    keeps_gates: ClassVar[bool] = True  # whether backward reads the gates
    block: ClassVar[int] = 1 << 16  # numbers: local derivatives of as many steps at once as stay in a cache of a core

    @property
    def direct(self) -> int:
        """How many gates take h through the first product; the rest take it through the second."""
        return len(self.gates)

    @property
    def second(self) -> str | None:
        """The parameter of the second product: its name, or None where there is one product only."""
        return None

    @property
    def keeps_operand(self) -> bool:
        """Whether the second product's operand m differs from h, and so has to be kept."""
        return self.second is not None

    def on(self, like: Array) -> Any:
        """This cell for arrays that live where `like` does: itself on the host, with fused kernels on a device."""
        if isinstance(like, np.ndarray):
            return self
        from npseq.gpu.cell import fused
        from npseq.gpu.settings import CURRENT

        return fused(self) if CURRENT.fused else self

    def own(self, bias: bool) -> tuple[str, ...]:
        """Names of the vectors (H,) that enter pointwise: peepholes, the GRU's inner bias."""
        return ()

    def forward(self, a: Array, before: State, own: Array | None, second: Product, after: State) -> None:
        """Writes the next state. a (G, H, B) comes as pre-activations and is turned, in place, into gates.

        before, after: the state (h, c) before the step and after it, h (P, B), c (H, B); `after` is written, and may be
        `before` itself, in place: what is read of the old state is read before the new one is there.
        own (n, H, 1); second multiplies by U'.
        """
        raise NotImplementedError

    def slopes(
        self,
        gates: Array,
        v: Array | None,
        before: State,
        after: State,
        out: Array,
    ) -> Array | None:
        """The local derivatives that backward multiplies with, for any number of steps at once: they need no adjoint.

        gates (G, N, H, B), v (N, ., B), before and after = (h, c), each (N, ., B): N steps of the tape. `out`
        (G, N, H, B) receives what the adjoints are multiplied with for each gate; more is returned, (N, H, B).
        """
        raise NotImplementedError

    def backward(
        self,
        dh: Array,
        dc: Array | None,
        gates: Array | None,
        slopes: Array,
        more: Array | None,
        own: Array | None,
        second: Product,
        da: Array,
    ) -> tuple[Array | None, Array | None]:
        """The adjoints of (h, c) before the step, less what the first product passes, which the loop adds.

        dh (P, ..., B), dc (H, ..., B): adjoints of (h, c) after the step. gates, slopes (G, H, ..., B) and more
        (H, ..., B): of this step. second multiplies by U. da (G, H, ..., B) receives the
        adjoints of the pre-activations.
        """
        raise NotImplementedError

    def own_gradients(
        self, da: Array, dv: Array | None, c_before: Array | None, c_after: Array | None
    ) -> tuple[Array, ...]:
        """Each own vector's gradient, (H, T, B), not yet summed. da (G, H, T, B), the others (., T, B)."""
        return ()
