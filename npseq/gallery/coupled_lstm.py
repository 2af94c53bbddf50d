"""The LSTM of one gate for both input and forgetting (Greff et al. 2015, arXiv 1503.04069).

docs/derivations/gallery/coupled_lstm.md derives it.

(C1)  f  = sigmoid(x W_xf + h W_hf + b_f)
(C2)  g  = tanh   (x W_xg + h W_hg + b_g)
(C3)  c' = f * c + (1 - f) * g
(C4)  o  = sigmoid(x W_xo + h W_ho + b_o)
(C5)  h' = o * tanh(c')
"""

from npseq.activations import dsigmoid, dtanh, multiply, sigmoid, tanh
from npseq.backend import Array
from npseq.cell import Cell, Passed, Project, State


class CoupledLSTMCell(Cell):
    """Equations (C1) to (C5): what is forgotten is replaced.

    Example:
        >>> y, (h, c), tape = ns.Recurrent(ns.gallery.CoupledLSTMCell(), 2, 3).forward(np.ones((5, 1, 2), np.float32))
        >>> c.shape
        (1, 1, 3)
    """

    gates, state, local = ("o", "f", "g"), ("h", "c"), 4

    def forward(self, a: Array, old: State, new: State, p: Array, project: Project) -> None:
        (_, c), (h_new, c_new), (o, f, g), o_f = old, new, a, a[:2]
        sigmoid(o_f, o_f)  # (C1) (C4)
        tanh(g, g)  # (C2)
        c_new[...] = g + f * (c - g)  # (C3)
        multiply(o, tanh(c_new), h_new)  # (C5)

    def local_derivatives(self, a: Array, old: State, new: State, s: Array) -> None:
        (_, c), (_, c_new), (o, f, g), (s_o, s_f, s_g, s_c) = old, new, a, s
        tanh_c = tanh(c_new)
        s_o[...] = dsigmoid(o) * tanh_c  # (C5) (C4)
        s_f[...] = dsigmoid(f) * (c - g)  # (C3) (C1)
        s_g[...] = dtanh(g) * (1 - f)  # (C3) (C2)
        s_c[...] = dtanh(tanh_c) * o  # (C5)

    def backward(self, dnew: State, a: Array, s: Array, da: Array, p: Array, project: Project) -> Passed:
        (dh_new, dc_new), f = dnew, a[1]
        dc_all = dc_new + dh_new * s[3]  # (C5)
        multiply(dh_new, s[0], da[0])  # (C5) (C4)
        multiply(dc_all, s[1:3], da[1:])  # (C3) (C1) (C2)
        return None, dc_all * f  # (C3)
