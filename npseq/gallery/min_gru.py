"""The minimal GRU of Feng et al. 2024 (arXiv 2410.01201), linear in its state.

docs/derivations/gallery/min_gru.md derives it.

    (C1)  z  = sigmoid(x W_xz + b_z)       the gates do not read h
    (C2)  n  = x W_xn + b_n
    (C3)  h' = (1 - z) * h + z * n
"""

from npseq.activations import dsigmoid, multiply, sigmoid
from npseq.backend import Array
from npseq.cell import Cell, Passed, Project, State


class MinGRUCell(Cell):
    """Equations (C1) to (C3): h enters no product.

    Example:
        >>> list(ns.Recurrent(ns.gallery.MinGRUCell(), 2, 3).params)
        ['W_xz', 'b_z', 'W_xn', 'b_n']
    """

    gates, h_blocks = ("z", "n"), ()

    def forward(self, a: Array, old: State, new: State, p: Array, project: Project) -> None:
        (h,), (h_new,), (z, n) = old, new, a
        sigmoid(z, z)  # (C1)
        h_new[...] = h + z * (n - h)  # (C2) (C3)

    def local_derivatives(self, a: Array, old: State, new: State, s: Array) -> None:
        (h,), (z, n), (s_z, s_n) = old, a, s
        s_z[...] = dsigmoid(z) * (n - h)  # (C3) (C1)
        s_n[...] = z  # (C3) (C2)

    def backward(self, dnew: State, a: Array, s: Array, da: Array, p: Array, project: Project) -> Passed:
        multiply(dnew[0], s, da)  # (C3) (C1) (C2)
        return (dnew[0] * (1 - a[0]),)  # (C3)
