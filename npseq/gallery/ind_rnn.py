"""The independently recurrent network of Li et al. 2018 (arXiv 1803.04831): docs/derivations/gallery/ind_rnn.md.

(C1)  a_h = x W_xh + u * h + b_h        u (H,): each unit reads itself alone
(C2)  h'  = phi(a_h)                    phi = relu or tanh
"""

import numpy as np

from npseq.activations import drelu, dtanh, relu, tanh
from npseq.arguments import one_of
from npseq.backend import Array
from npseq.cell import Cell, Passed, Project, State


class IndRNNCell(Cell):
    """Equations (C1) and (C2): the recurrent weights are a vector u, which begins in [0, 1].

    Args:
        nonlinearity: "relu" or "tanh".

    Example:
        >>> ns.Recurrent(ns.gallery.IndRNNCell(), 2, 3, rng=0).params["u"].shape
        (3,)
    """

    nonlinearity: str = "relu"
    gates, h_blocks, vectors, reads_gates = ("h",), (), ("u",), False

    def __post_init__(self) -> None:
        one_of("nonlinearity", self.nonlinearity, ("relu", "tanh"))

    def initial(self, name: str, shape: tuple[int, ...], rng: "np.random.Generator") -> Array | None:
        return rng.uniform(0, 1, shape) if name == "u" else None

    def forward(self, a: Array, old: State, new: State, p: Array, project: Project) -> None:
        phi = relu if self.nonlinearity == "relu" else tanh
        phi(a[0] + p[0] * old[0], out=new[0])  # (C1) (C2)

    def local_derivatives(self, a: Array, old: State, new: State, s: Array) -> None:
        dphi = drelu if self.nonlinearity == "relu" else dtanh
        dphi(new[0], out=s[0])  # (C2)

    def backward(self, dnew: State, a: Array, s: Array, da: Array, p: Array, project: Project) -> Passed:
        np.multiply(dnew[0], s[0], out=da[0])  # (C2)
        return (da[0] * p[0],)  # (C1)

    def vector_gradients(self, da: Array, old: State, new: State) -> State:
        return (da[0] * old[0],)  # (C1)
