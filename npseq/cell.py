"""The contract of a cell: the mathematics of one time step, apart from time.

Letters: H hidden units, P features of the state h (H, or a projection's size), B sequences, N steps.

    a = W' [h; 1; x]    the first product; a holds a block (H, B) for each gate, before its nonlinearity
    v = U' m            the second product, of what the cell hands to `project`, where it names a matrix for it

Two tuples of names say which blocks the products fill, three methods say what happens to them, entry by entry. Sums
over time and batch, weights, truncation, lengths and devices are not a cell's business: a parameter enters a product
linearly, so that its gradient is a sum of (operand) x (adjoint), which `npseq.bptt.gradients` takes for every cell.
"""

from __future__ import annotations  # so that help() shows Array, and not what it stands for

from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass
from types import MappingProxyType
from typing import Any, ClassVar, dataclass_transform

import numpy as np

from npseq.backend import Array, MaybeArray

Project = Callable[[Array], Array]
State = tuple[Array, ...]  # an array for each name in `Cell.state`
States = tuple[State, State]  # before and after a step
Passed = tuple[MaybeArray, ...]  # the adjoint of each part of the state before a step


@dataclass_transform(frozen_default=True)
class Cell:
    """One step of a recurrent network: three methods, written entry by entry, and the names of what they read.

    `ns.Recurrent(MyCell(), input_size, hidden_size)` is a layer of it. A subclass is a frozen dataclass by itself: its
    annotated fields are the options that it is made with, and equal cells are the same cell.

    a is indexed by block: those of `h_blocks` in their order, then the gates that are not among them, then `masks`,
    then `saved`. docs/guides/your_own_cell.md derives and writes one.

    A cell names, as class attributes or properties, what is not as it stands here in brackets:

        gates              the blocks of a that x and a bias enter: W_x<gate> (D, H), b_<gate> (H,)
        state [("h",)]     what goes from step to step. h alone enters the products and is what others read; a layer
                           holds all further parts, (H, B) each, side by side in one array, the c of its state (h, c)
        h_blocks [gates]   the blocks that h enters by the first product: W_h<gate> (P, H); one that x does not enter
                           has its gate's name after an h, and a bias of its own
        projection [None]  the matrix of the second product, W_h<gate> or a name of its own
        operands [1]       how many blocks project multiplies at once, side by side: it is handed a slice of a, and in
                           backward returns as many blocks
        vectors [()]       parameters (H,) that enter entry by entry, such as peepholes
        masks [{}]         {name: probability}, blocks of a that training draws: 1 with this probability, else 0; where
                           it is not training they are the probability itself
        saved [()]         further blocks of a, which forward writes for backward to read
        local              how many local derivatives a step has [as many as the products have blocks]
        reads_gates [True] whether backward reads a
        fused [True]       whether a GPU runs a step as kernels, into which its lines are traced; False runs the lines,
                           which is slower, where kernels lack what they do

    Example:
        >>> class Leaky(ns.Cell):
        ...     rate: float = 0.5
        ...     gates = ("u",)
        ...
        ...     def forward(self, a, old, new, p, project):
        ...         np.tanh(a[0], out=a[0])
        ...         new[0][...] = old[0] + self.rate * (a[0] - old[0])
        ...
        ...     def backward(self, dnew, a, s, da, p, project):
        ...         da[0] = dnew[0] * self.rate * (1 - a[0] ** 2)
        ...         return (dnew[0] * (1 - self.rate),)
        >>> layer = ns.Recurrent(Leaky(0.1), 2, 3, rng=0)
        >>> bool(ns.gradcheck_layer(layer, np.ones((5, 2, 2))))
        True
    """

    gates: ClassVar[tuple[str, ...]]
    state: ClassVar[tuple[str, ...]] = ("h",)
    reads_gates: ClassVar[bool] = True
    # what a cell may also have as a property, of its options: for a type checker therefore Any
    h_blocks: ClassVar[Any] = property(lambda cell: cell.gates)
    local: ClassVar[Any] = property(lambda cell: len({*cell.gates, *cell.h_blocks}))
    projection: ClassVar[Any] = None
    operands: ClassVar[Any] = 1
    vectors: ClassVar[Any] = ()
    masks: ClassVar[Any] = MappingProxyType({})
    saved: ClassVar[Any] = ()
    fused: ClassVar[Any] = True

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        dataclass(frozen=True)(cls)
        del cls.__setattr__, cls.__delattr__  # so that whoever writes @dataclass(frozen=True) may do so

    def __setattr__(self, name: str, value: Any) -> None:
        raise FrozenInstanceError(f"cannot assign to {name!r}: a cell stays what it was made of; make another one")

    def initial(self, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array | None:
        """Returns the value that a parameter begins with, or None for the one that every layer draws.

        Args:
            name: without the ending of its layer and direction, such as "W_xi".
            shape: of the value.
            rng: to draw from.
        """
        return None

    def forward(self, a: Array, old: State, new: State, p: MaybeArray, project: Project) -> None:
        """Activates the gates in place and writes the new state, which may be the old one's memory.

        Args:
            a: (blocks, H, B), the pre-activations.
            old: the state before the step, h (P, B), the others (H, B).
            new: the state after it, written.
            p: the vectors, (n, H, 1), None where there are none.
            project: multiplies (H, B) by the second product's matrix, or (operands, H, B); None where there is none.
        """
        raise NotImplementedError(f"{type(self).__name__} must define forward(self, a, old, new, p, project)")

    def local_derivatives(self, a: Array, old: State, new: State, s: Array) -> None:
        """Writes what backward multiplies adjoints with. It needs no adjoint, so that N steps are taken at once.

        A cell may do without this method; its backward is given the states (old, new) of its step as s.

        Args:
            a: (blocks, N, H, B), as forward left it.
            old: the states before each step, (N, ., B).
            new: the states after each step.
            s: (local, N, H, B), written.
        """
        raise NotImplementedError

    def backward(self, dnew: State, a: MaybeArray, s: Any, da: Array, p: MaybeArray, project: Project) -> Passed:
        """Writes the adjoints of the pre-activations; returns those of the old state, less what W passes back to h.

        All arrays may have further axes between H and B, of which those of a, s and p have length 1.

        Args:
            dnew: the adjoints of the new state.
            a: (blocks, H, B), as forward left it; None where `reads_gates` is False.
            s: (local, H, B), the local derivatives of this step.
            da: (blocks, H, B), written; without masks and saved blocks, but with the adjoint of each vector as a
                further block where the cell has no `vector_gradients`.
            p: the vectors.
            project: multiplies by the transpose of the second product's matrix.

        Returns:
            The adjoint of each part of the old state; None for h where all of it passes through W.
        """
        name = type(self).__name__
        raise NotImplementedError(f"{name} has no backward; ns.gradcheck_layer(layer, x) says what it must do")

    def vector_gradients(self, da: Array, old: State, new: State) -> tuple[Array, ...]:
        """Returns the gradient of each vector at every step, (H, T, B).

        A cell with vectors may do without this method; its backward writes these gradients at the end of da.

        Args:
            da: (blocks, H, T, B), as backward wrote it.
            old: the states before each step, (., T, B).
            new: the states after each step.
        """
        return tuple(da[len(da) - len(self.vectors) :])


def parts_of(c: Array | None, count: int, axis: int = 0) -> tuple[Array, ...]:
    """The parts of the state beside h, (H, ...) each, from the one array c (count*H, ...) with them side by side."""
    if c is None or count < 2:
        return () if c is None or not count else (c,)
    units = c.shape[axis] // count
    return tuple(c[(slice(None),) * axis + (slice(k * units, (k + 1) * units),)] for k in range(count))


def has_own(cell: Cell, method: str) -> bool:
    """Whether the cell defines this method of the contract, which it may leave out."""
    own = getattr(type(cell), method)
    return own is not None and own is not getattr(Cell, method)
