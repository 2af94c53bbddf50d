"""The contract of a cell: the mathematics of one time step, apart from time.

Letters: H hidden units, P features of the state h (H, or a projection's size), B sequences, N steps.

    a = W' [h; 1; x]    the first product; a holds a block (H, B) for each gate, before its nonlinearity
    v = U' m            the second product, of what the cell hands to `project`, where it names a matrix for it

Two tuples of names say which blocks the products fill, three methods say what happens to them, entry by entry. Sums
over time and batch, weights, truncation, lengths and devices are not a cell's business: a parameter enters a product
linearly, so that its gradient is a sum of (operand) x (adjoint), which `npseq.bptt.gradients` takes for every cell.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from npseq.backend import Array, MaybeArray

Project = Callable[[Array], Array]
State = tuple[Array, ...]  # an array for each name in `Cell.state`


@dataclass(frozen=True)
class Cell:
    """One step of a recurrent network: three methods, written entry by entry, and the names of what they read.

    a is indexed by block: those of `h_blocks` in their order, then the gates that are not among them.
    """

    gates: ClassVar[tuple[str, ...]]  # the blocks of a that x and a bias enter: W_x<gate>, b_<gate>
    state: ClassVar[tuple[str, ...]] = ("h",)  # what goes from step to step; h alone enters the products
    reads_gates: ClassVar[bool] = True  # whether backward reads a

    @property
    def h_blocks(self) -> tuple[str, ...]:
        """The blocks that h enters by the first product; one that x does not enter has its gate's name after an h."""
        return self.gates

    @property
    def local(self) -> int:
        """How many local derivatives a step has; as many as blocks, unless a cell says otherwise."""
        return len({*self.gates, *self.h_blocks})

    @property
    def projection(self) -> str | None:
        """The matrix of the second product, W_h<gate> or a name of its own; None where there is one product only."""
        return None

    @property
    def vectors(self) -> tuple[str, ...]:
        """The vectors (H,) that enter entry by entry, such as peepholes."""
        return ()

    def forward(self, a: Array, old: State, new: State, p: MaybeArray, project: Project | None) -> None:
        """Activates the gates in place and writes the new state, which may be the old one's memory.

        Args:
            a: (blocks, H, B), the pre-activations.
            old: the state before the step, h (P, B), the others (H, B).
            new: the state after it, written.
            p: the vectors, (n, H, 1), None where there are none.
            project: multiplies (H, B) by the second product's matrix.
        """
        raise NotImplementedError

    def local_derivatives(self, a: Array, old: State, new: State, s: Array) -> None:
        """Writes what backward multiplies adjoints with. It needs no adjoint, so that N steps are taken at once.

        Args:
            a: (blocks, N, H, B), as forward left it.
            old: the states before each step, (N, ., B).
            new: the states after each step.
            s: (local, N, H, B), written.
        """
        raise NotImplementedError

    def backward(
        self, dnew: tuple, a: MaybeArray, s: Array, da: Array, p: MaybeArray, project: Project | None
    ) -> tuple[MaybeArray, ...]:
        """Writes the adjoints of the pre-activations; returns those of the old state, less what W passes back to h.

        Args:
            dnew: the adjoints of the new state.
            a: (blocks, H, B), as forward left it; None where `reads_gates` is False.
            s: (local, H, B), the local derivatives of this step.
            da: (blocks, H, B), written.
            p: the vectors.
            project: multiplies by the transpose of the second product's matrix.

        Returns:
            The adjoint of each part of the old state; None for h where all of it passes through W.
        """
        raise NotImplementedError

    def vector_gradients(self, da: Array, old: State, new: State) -> tuple[Array, ...]:
        """The gradient of each vector at every step, (H, T, B); da and the states have an axis T too."""
        return ()
