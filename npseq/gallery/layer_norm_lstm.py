"""The LSTM with layer normalisation (Ba et al. 2016, arXiv 1607.06450): docs/derivations/gallery/layer_norm_lstm.md.

    (C1)  a_k = x W_xk + h W_hk + b_k,  k = o, i, f, g
    (C2)  q_k = a_k - a_k J                        a J has the mean of a over the units of one sequence
    (C3)  r_k = 1 / sqrt((q_k^2) J + epsilon)
    (C4)  n_k = q_k * r_k
    (C5)  o  = sigmoid(gamma_o * n_o + beta_o)
    (C6)  i  = sigmoid(gamma_i * n_i + beta_i)
    (C7)  f  = sigmoid(gamma_f * n_f + beta_f)
    (C8)  g  = tanh(gamma_g * n_g + beta_g)
    (C9)  c' = f * c + i * g
    (C10) q_c = c' - c' J
    (C11) r_c = 1 / sqrt((q_c^2) J + epsilon)
    (C12) n_c = q_c * r_c
    (C13) y  = tanh(gamma_c * n_c + beta_c)
    (C14) h' = o * y

Each gate is normalised by itself, after its two products have been added, as TensorFlow's LayerNormBasicLSTMCell does.
"""

import numpy as np

from npseq.activations import dsigmoid, dtanh, sigmoid, tanh
from npseq.arguments import finite_number
from npseq.backend import Array
from npseq.cell import Cell, Passed, Project, State, States

GATES = ("o", "i", "f", "g")


class LayerNormLSTMCell(Cell):
    """Equations (C1) to (C14). Each mean over units cuts its kernels in two, so that it has more of them than others.

    Args:
        epsilon: what is added to the variance.

    Example:
        >>> ns.Recurrent(ns.gallery.LayerNormLSTMCell(), 2, 3).params["gamma_c"]
        array([1., 1., 1.], dtype=float32)
    """

    epsilon: float = 1e-5
    gates, state = GATES, ("h", "c")
    vectors = (*(f"gamma_{k}" for k in (*GATES, "c")), *(f"beta_{k}" for k in (*GATES, "c")))
    saved = tuple(f"r_{k}" for k in GATES)  # 1 / sqrt(variance + epsilon) of each

    def __post_init__(self) -> None:
        finite_number("epsilon", self.epsilon)

    def initial(self, name: str, shape: tuple[int, ...], rng: "np.random.Generator") -> Array | None:
        return {"gamma": np.ones(shape), "beta": np.zeros(shape)}.get(name.split("_")[0])

    def forward(self, a: Array, old: State, new: State, p: Array, project: Project) -> None:
        for k in range(4):
            a[k], a[4 + k] = normalised(a[k], self.epsilon)  # (C2) (C3) (C4)
        o, i, f, g = activated(a, p)
        new[1][...] = f * old[1] + i * g  # (C9)
        new[0][...] = o * tanh(p[4] * normalised(new[1], self.epsilon)[0] + p[9])  # (C10) (C11) (C12) (C13) (C14)

    def backward(self, dnew: State, a: Array, s: States, da: Array, p: Array, project: Project) -> Passed:
        (dh, dc), ((_, c), (_, c_new)), (o, i, f, g) = dnew, s, activated(a, p)
        n_c, r_c = normalised(c_new, self.epsilon)
        y = tanh(p[4] * n_c + p[9])
        dy = dh * o * dtanh(y)  # (C14) (C13)
        dc = dc + through_norm(dy * p[4], n_c, r_c)  # (C13) (C12) (C10) (C11)
        inner = (dh * y * dsigmoid(o), dc * g * dsigmoid(i), dc * c * dsigmoid(f), dc * i * dtanh(g))  # (C14) (C9)
        for k, d in enumerate(inner):
            da[k] = through_norm(d * p[k], a[k], a[4 + k])  # (C5) (C6) (C7) (C8) (C3) (C4) (C2)
            da[4 + k], da[9 + k] = d * a[k], d  # (C5) (C6) (C7) (C8)
        da[8], da[13] = dy * n_c, dy  # (C13)
        return None, dc * f  # (C9)


def normalised(x: Array, epsilon: float) -> tuple[Array, Array]:
    """N(x) and r, with N(x) = (x - mean x) r."""
    centred = x - x.mean(axis=0, keepdims=True)
    r = 1 / np.sqrt((centred * centred).mean(axis=0, keepdims=True) + epsilon)
    return centred * r, r  # (C2) (C3) (C4)


def activated(a: Array, p: Array) -> tuple[Array, ...]:
    """o, i, f and g, of the normalised pre-activations."""
    o_i_f, g = sigmoid(p[:3] * a[:3] + p[5:8]), tanh(p[3] * a[3] + p[8])  # (C5) (C6) (C7) (C8)
    return *o_i_f, g


def through_norm(dn: Array, n: Array, r: Array) -> Array:
    """The adjoint of x, from that of n = N(x)."""
    centred: Array = dn - dn.mean(axis=0, keepdims=True) - n * (dn * n).mean(axis=0, keepdims=True)  # (C3) (C2)
    return r * centred  # (C4)
