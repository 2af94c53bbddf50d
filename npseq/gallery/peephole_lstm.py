"""The LSTM all of whose gates see the old cell state (Ng, course 5, week 1): docs/derivations/gallery/peephole_lstm.md.

    (C1)  o  = sigmoid(x W_xo + h W_ho + b_o + p_o * c)
    (C2)  i  = sigmoid(x W_xi + h W_hi + b_i + p_i * c)
    (C3)  f  = sigmoid(x W_xf + h W_hf + b_f + p_f * c)
    (C4)  g  = tanh(x W_xg + h W_hg + b_g)
    (C5)  c' = f * c + i * g
    (C6)  h' = o * tanh(c')

ns.LSTM(peepholes=True) is that of Gers et al. 2002, whose output gate sees the new c'.
"""

from npseq.activations import dsigmoid, dtanh, multiply, sigmoid, tanh
from npseq.backend import Array
from npseq.cell import Cell, Passed, Project, State


class PeepholeLSTMCell(Cell):
    """Equations (C1) to (C6): the output gate too sees c of the step before.

    Example:
        >>> list(ns.Recurrent(ns.gallery.PeepholeLSTMCell(), 2, 3).params)[-3:]
        ['p_o', 'p_i', 'p_f']
    """

    gates, state, local, vectors = ("o", "i", "f", "g"), ("h", "c"), 5, ("p_o", "p_i", "p_f")

    def forward(self, a: Array, old: State, new: State, p: Array, project: Project) -> None:
        c, (h_new, c_new), (o, i, f, g), o_i_f = old[1], new, a, a[:3]
        sigmoid(o_i_f + p * c, out=o_i_f)  # (C1) (C2) (C3)
        tanh(g, g)  # (C4)
        c_new[...] = f * c + i * g  # (C5)
        multiply(o, tanh(c_new), h_new)  # (C6)

    def local_derivatives(self, a: Array, old: State, new: State, s: Array) -> None:
        c, c_new, (o, i, f, g), (s_o, s_i, s_f, s_g, s_c) = old[1], new[1], a, s
        tanh_c = tanh(c_new)
        s_o[...] = dsigmoid(o) * tanh_c  # (C6) (C1)
        s_i[...] = dsigmoid(i) * g  # (C5) (C2)
        s_f[...] = dsigmoid(f) * c  # (C5) (C3)
        s_g[...] = dtanh(g) * i  # (C5) (C4)
        s_c[...] = dtanh(tanh_c) * o  # (C6)

    def backward(self, dnew: State, a: Array, s: Array, da: Array, p: Array, project: Project) -> Passed:
        (dh_new, dc_new), f = dnew, a[2]
        dc_all = dc_new + dh_new * s[4]  # (C6)
        multiply(dh_new, s[0], da[0])  # (C6) (C1)
        multiply(dc_all, s[1:4], da[1:])  # (C5) (C2) (C3) (C4)
        return None, dc_all * f + da[0] * p[0] + da[1] * p[1] + da[2] * p[2]  # (C5) (C1) (C2) (C3)

    def vector_gradients(self, da: Array, old: State, new: State) -> State:
        return tuple(da[k] * old[1] for k in range(3))  # (C1) (C2) (C3)
