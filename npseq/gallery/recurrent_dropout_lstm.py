"""The LSTM with recurrent dropout (Semeniuta et al. 2016, arXiv 1603.05118).

docs/derivations/gallery/recurrent_dropout_lstm.md derives it.

(C1)  o  = sigmoid(x W_xo + h W_ho + b_o)
(C2)  i  = sigmoid(x W_xi + h W_hi + b_i)
(C3)  f  = sigmoid(x W_xf + h W_hf + b_f)
(C4)  g  = tanh(x W_xg + h W_hg + b_g)
(C5)  r  = k / (1 - p)                     k: 1 with probability 1 - p in training, else 1 - p itself
(C6)  c' = f * c + r * i * g
(C7)  h' = o * tanh(c')
"""

from collections.abc import Mapping

from npseq.activations import dsigmoid, dtanh, multiply, sigmoid, tanh
from npseq.arguments import probability
from npseq.backend import Array
from npseq.cell import Cell, Passed, Project, State


class RecurrentDropoutLSTMCell(Cell):
    """Equations (C1) to (C7): training drops what is written to c, never what c holds.

    Args:
        p: the probability with which it is dropped.

    Example:
        >>> ns.Recurrent(ns.gallery.RecurrentDropoutLSTMCell(0.1), 2, 3).cell.masks
        {'k': 0.9}
    """

    p: float = 0.25
    gates, state, local = ("o", "i", "f", "g"), ("h", "c"), 5

    def __post_init__(self) -> None:
        probability("p", self.p)

    @property
    def masks(self) -> Mapping[str, float]:
        return {"k": 1 - self.p}

    def forward(self, a: Array, old: State, new: State, p: Array, project: Project) -> None:
        c, (h_new, c_new), (o, i, f, g, k), o_i_f = old[1], new, a, a[:3]
        sigmoid(o_i_f, o_i_f)  # (C1) (C2) (C3)
        tanh(g, g)  # (C4)
        c_new[...] = f * c + k / (1 - self.p) * i * g  # (C5) (C6)
        multiply(o, tanh(c_new), h_new)  # (C7)

    def local_derivatives(self, a: Array, old: State, new: State, s: Array) -> None:
        c, c_new, (o, i, f, g, k), (s_o, s_i, s_f, s_g, s_c) = old[1], new[1], a, s
        r, tanh_c = k / (1 - self.p), tanh(c_new)
        s_o[...] = dsigmoid(o) * tanh_c  # (C7) (C1)
        s_i[...] = dsigmoid(i) * r * g  # (C6) (C2)
        s_f[...] = dsigmoid(f) * c  # (C6) (C3)
        s_g[...] = dtanh(g) * r * i  # (C6) (C4)
        s_c[...] = dtanh(tanh_c) * o  # (C7)

    def backward(self, dnew: State, a: Array, s: Array, da: Array, p: Array, project: Project) -> Passed:
        (dh_new, dc_new), f = dnew, a[2]
        dc_all = dc_new + dh_new * s[4]  # (C7)
        multiply(dh_new, s[0], da[0])  # (C7) (C1)
        multiply(dc_all, s[1:4], da[1:])  # (C6) (C2) (C3) (C4)
        return None, dc_all * f  # (C6)
