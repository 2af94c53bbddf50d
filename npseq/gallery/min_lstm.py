"""The minimal LSTM of Feng et al. 2024 (arXiv 2410.01201), linear in its state.

docs/derivations/gallery/min_lstm.md derives it.

    (C1)  f  = sigmoid(x W_xf + b_f)       the gates do not read h
    (C2)  i  = sigmoid(x W_xi + b_i)
    (C3)  n  = x W_xn + b_n
    (C4)  k  = f / (f + i)
    (C5)  h' = k * h + (1 - k) * n
"""

from npseq.activations import multiply, sigmoid
from npseq.backend import Array
from npseq.cell import Cell, Passed, Project, State


class MinLSTMCell(Cell):
    """Equations (C1) to (C5): the two gates share out 1 between them.

    Example:
        >>> list(ns.Recurrent(ns.gallery.MinLSTMCell(), 2, 3, bias=False).params)
        ['W_xf', 'W_xi', 'W_xn']
    """

    gates, h_blocks, saved = ("f", "i", "n"), (), ("k",)

    def forward(self, a: Array, old: State, new: State, p: Array, project: Project) -> None:
        (h,), (h_new,), (f, i, n, k), f_i = old, new, a, a[:2]
        sigmoid(f_i, f_i)  # (C1) (C2)
        k[...] = f / (f + i)  # (C4)
        h_new[...] = n + k * (h - n)  # (C3) (C5)

    def local_derivatives(self, a: Array, old: State, new: State, s: Array) -> None:
        (h,), (f, i, n, k), (s_f, s_i, s_n) = old, a, s
        s_k = k * (1 - k) * (h - n)  # (C5) (C4)
        s_f[...] = s_k * (1 - f)  # (C4) (C1)
        s_i[...] = s_k * (i - 1)  # (C4) (C2)
        s_n[...] = 1 - k  # (C5) (C3)

    def backward(self, dnew: State, a: Array, s: Array, da: Array, p: Array, project: Project) -> Passed:
        multiply(dnew[0], s, da)  # (C5) (C4) (C1) (C2) (C3)
        return (dnew[0] * a[3],)  # (C5)
