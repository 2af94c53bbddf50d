"""Just another network: an LSTM with its forget gate alone (van der Westhuizen & Lasenby 2018, arXiv 1804.04849).

docs/derivations/gallery/janet.md derives it.

    (C1)  a_f = x W_xf + h W_hf + b_f
    (C2)  f   = sigmoid(a_f)
    (C3)  k   = sigmoid(a_f - beta)          1 - k is the share of what is new
    (C4)  g   = tanh(x W_xg + h W_hg + b_g)
    (C5)  h'  = f * h + (1 - k) * g
"""

import numpy as np

from npseq.activations import dsigmoid, dtanh, multiply, sigmoid, tanh
from npseq.arguments import finite_number
from npseq.backend import Array
from npseq.cell import Cell, Passed, Project, State


class JANETCell(Cell):
    """Equations (C2) to (C5): beta > 0 lets more in than is forgotten.

    Args:
        beta: what the gate of the new has less.

    Example:
        >>> ns.Recurrent(ns.gallery.JANETCell(beta=0.5), 2, 3).params.flat.size
        36
    """

    beta: float = 1.0
    gates, saved = ("f", "g"), ("k",)

    def __post_init__(self) -> None:
        finite_number("beta", self.beta)

    def forward(self, a: Array, old: State, new: State, p: Array, project: Project) -> None:
        (h,), (h_new,), (f, g, k) = old, new, a
        sigmoid(f - self.beta, out=k)  # (C3)
        sigmoid(f, f)  # (C2)
        tanh(g, g)  # (C4)
        np.add(f * h, (1 - k) * g, out=h_new)  # (C5)

    def local_derivatives(self, a: Array, old: State, new: State, s: Array) -> None:
        (h,), (f, g, k), (s_f, s_g) = old, a, s
        s_f[...] = dsigmoid(f) * h - dsigmoid(k) * g  # (C5) (C2) (C3)
        s_g[...] = dtanh(g) * (1 - k)  # (C5) (C4)

    def backward(self, dnew: State, a: Array, s: Array, da: Array, p: Array, project: Project) -> Passed:
        multiply(dnew[0], s, da)  # (C5) (C2) (C3) (C4)
        return (dnew[0] * a[0],)  # (C5)
