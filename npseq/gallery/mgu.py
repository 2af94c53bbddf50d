"""The minimal gated unit of Zhou et al. 2016 (arXiv 1603.09420), a GRU of one gate: docs/derivations/gallery/mgu.md.

(C1)  f  = sigmoid(x W_xf + h W_hf + b_f)
(C2)  m  = f * h
(C3)  n  = tanh(x W_xn + m W_hn + b_n)
(C4)  h' = (1 - f) * h + f * n
"""

from npseq.activations import dsigmoid, dtanh, multiply, sigmoid, tanh
from npseq.backend import Array
from npseq.cell import Cell, Passed, Project, State


class MGUCell(Cell):
    """Equations (C1) to (C4): one gate forgets, resets and writes.

    Example:
        >>> list(ns.Recurrent(ns.gallery.MGUCell(), 2, 3).params)
        ['W_xf', 'W_hf', 'b_f', 'W_xn', 'W_hn', 'b_n']
    """

    gates, h_blocks, projection, local = ("f", "n"), ("f",), "W_hn", 3

    def forward(self, a: Array, old: State, new: State, p: Array, project: Project) -> None:
        (h,), (h_new,), (f, n) = old, new, a
        sigmoid(f, f)  # (C1)
        n += project(f * h)  # (C2) (C3)
        tanh(n, n)  # (C3)
        h_new[...] = h + f * (n - h)  # (C4)

    def local_derivatives(self, a: Array, old: State, new: State, s: Array) -> None:
        (h,), (f, n), (s_f, s_n, s_m) = old, a, s
        df = dsigmoid(f)
        s_f[...] = df * (n - h)  # (C4) (C1)
        s_n[...] = f * dtanh(n)  # (C4) (C3)
        s_m[...] = df * h  # (C2) (C1)

    def backward(self, dnew: State, a: Array, s: Array, da: Array, p: Array, project: Project) -> Passed:
        (dh_new,), f, (s_f, s_n, s_m), (df, dn) = dnew, a[0], s, da
        multiply(dh_new, s_n, dn)  # (C4) (C3)
        dm = project(dn)  # (C3)
        df[...] = dh_new * s_f + dm * s_m  # (C4) (C2) (C1)
        return (dh_new * (1 - f) + dm * f,)  # (C4) (C2)
