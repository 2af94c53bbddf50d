"""The LSTM with zoneout (Krueger et al. 2016, arXiv 1606.01305): docs/derivations/gallery/zoneout_lstm.md.

(C1)  o  = sigmoid(x W_xo + h W_ho + b_o)
(C2)  i  = sigmoid(x W_xi + h W_hi + b_i)
(C3)  f  = sigmoid(x W_xf + h W_hf + b_f)
(C4)  g  = tanh(x W_xg + h W_hg + b_g)
(C5)  q  = f * c + i * g
(C6)  c' = k_c * c + (1 - k_c) * q             k_c, k_h: 1 with a probability, in training;
(C7)  h' = k_h * h + (1 - k_h) * o * tanh(q)             else that probability itself
"""

from collections.abc import Mapping

from npseq.activations import dsigmoid, dtanh, multiply, sigmoid, tanh
from npseq.arguments import share
from npseq.backend import Array
from npseq.cell import Cell, Passed, Project, State


class ZoneoutLSTMCell(Cell):
    """Equations (C1) to (C7): in training, units at random stay what they were.

    Args:
        keep_c, keep_h: the probability with which a unit of c, or of h, stays.

    Example:
        >>> layer, x = ns.Recurrent(ns.gallery.ZoneoutLSTMCell(0.5, 0.5), 2, 3, rng=0), np.ones((1, 1, 2), np.float32)
        >>> int((layer.forward(x, training=True)[0] == 0).sum())  # these are still what they were
        1
    """

    keep_c: float = 0.5
    keep_h: float = 0.05
    gates, state, local = ("o", "i", "f", "g"), ("h", "c"), 5

    def __post_init__(self) -> None:
        share("keep_c", self.keep_c)
        share("keep_h", self.keep_h)

    @property
    def masks(self) -> Mapping[str, float]:
        return {"k_c": self.keep_c, "k_h": self.keep_h}

    def forward(self, a: Array, old: State, new: State, p: Array, project: Project) -> None:
        (h, c), (h_new, c_new), (o, i, f, g, k_c, k_h), o_i_f = old, new, a, a[:3]
        sigmoid(o_i_f, o_i_f)  # (C1) (C2) (C3)
        tanh(g, g)  # (C4)
        q = f * c + i * g  # (C5)
        c_new[...] = q + k_c * (c - q)  # (C6)
        h_new[...] = k_h * h + (1 - k_h) * o * tanh(q)  # (C7)

    def local_derivatives(self, a: Array, old: State, new: State, s: Array) -> None:
        c, (o, i, f, g, _, k_h), (s_o, s_i, s_f, s_g, s_q) = old[1], a, s
        tanh_q = tanh(f * c + i * g)
        s_o[...] = dsigmoid(o) * tanh_q * (1 - k_h)  # (C7) (C1)
        s_i[...] = dsigmoid(i) * g  # (C5) (C2)
        s_f[...] = dsigmoid(f) * c  # (C5) (C3)
        s_g[...] = dtanh(g) * i  # (C5) (C4)
        s_q[...] = dtanh(tanh_q) * o * (1 - k_h)  # (C7)

    def backward(self, dnew: State, a: Array, s: Array, da: Array, p: Array, project: Project) -> Passed:
        (dh_new, dc_new), f, k_c, k_h = dnew, a[2], a[4], a[5]
        dq = dc_new * (1 - k_c) + dh_new * s[4]  # (C6) (C7)
        multiply(dh_new, s[0], da[0])  # (C7) (C1)
        multiply(dq, s[1:4], da[1:])  # (C5) (C2) (C3) (C4)
        return dh_new * k_h, dc_new * k_c + dq * f  # (C7) (C6) (C5)
