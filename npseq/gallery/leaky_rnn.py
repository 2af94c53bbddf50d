"""A leaky network, an Euler step of a continuous-time one (Jaeger et al. 2007): docs/derivations/gallery/leaky_rnn.md.

(C1)  u  = tanh(x W_xh + h W_hh + b_h)
(C2)  h' = (1 - alpha) h + alpha u
"""

from npseq.activations import dtanh, tanh
from npseq.arguments import share
from npseq.backend import Array
from npseq.cell import Cell, Passed, Project, State


class LeakyRNNCell(Cell):
    """Equations (C1) and (C2): each unit keeps 1 - alpha of what it was.

    Args:
        alpha: the share of what is new, in [0, 1].

    Example:
        >>> ns.Recurrent(ns.gallery.LeakyRNNCell(0.1), 2, 3, rng=0).forward(np.ones((5, 1, 2), np.float32))[0].shape
        (5, 1, 3)
    """

    alpha: float = 0.1
    gates = ("h",)

    def __post_init__(self) -> None:
        share("alpha", self.alpha)

    def forward(self, a: Array, old: State, new: State, p: Array, project: Project) -> None:
        (h,), (h_new,), u = old, new, a[0]
        tanh(u, u)  # (C1)
        h_new[...] = (1 - self.alpha) * h + self.alpha * u  # (C2)

    def local_derivatives(self, a: Array, old: State, new: State, s: Array) -> None:
        s[0] = self.alpha * dtanh(a[0])  # (C2) (C1)

    def backward(self, dnew: State, a: Array, s: Array, da: Array, p: Array, project: Project) -> Passed:
        da[0] = dnew[0] * s[0]  # (C2) (C1)
        return (dnew[0] * (1 - self.alpha),)  # (C2)
