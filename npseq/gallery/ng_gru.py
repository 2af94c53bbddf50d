"""The GRU in Ng's form, whose update gate writes (Ng, course 5, week 1): docs/derivations/gallery/ng_gru.md.

(C1)  r  = sigmoid(x W_xr + h W_hr + b_r)
(C2)  z  = sigmoid(x W_xz + h W_hz + b_z)       ns.GRU's z is 1 - this one
(C3)  m  = r * h
(C4)  n  = tanh(x W_xn + m W_hn + b_n)
(C5)  h' = z * n + (1 - z) * h
"""

from npseq.activations import dsigmoid, dtanh, multiply, sigmoid, tanh
from npseq.backend import Array
from npseq.cell import Cell, Passed, Project, State


class NgGRUCell(Cell):
    """Equations (C1) to (C5): z near 1 replaces h. With W_xz, W_hz and b_z negated it is ns.GRU(reset="before").

    Example:
        >>> ns.Recurrent(ns.gallery.NgGRUCell(), 2, 3).params["W_hz"].shape
        (3, 3)
    """

    gates, h_blocks, projection = ("r", "z", "n"), ("r", "z"), "W_hn"

    def forward(self, a: Array, old: State, new: State, p: Array, project: Project) -> None:
        (h,), (h_new,), (r, z, n), r_z = old, new, a, a[:2]
        sigmoid(r_z, r_z)  # (C1) (C2)
        n += project(r * h)  # (C3) (C4)
        tanh(n, n)  # (C4)
        h_new[...] = h + z * (n - h)  # (C5)

    def local_derivatives(self, a: Array, old: State, new: State, s: Array) -> None:
        (h,), (r, z, n), (s_r, s_z, s_n) = old, a, s
        s_r[...] = dsigmoid(r) * h  # (C3) (C1)
        s_z[...] = dsigmoid(z) * (n - h)  # (C5) (C2)
        s_n[...] = dtanh(n) * z  # (C5) (C4)

    def backward(self, dnew: State, a: Array, s: Array, da: Array, p: Array, project: Project) -> Passed:
        (dh_new,), r, z, (s_r, s_z, s_n), (dr, dz, dn) = dnew, a[0], a[1], s, da
        multiply(dh_new, s_z, dz)  # (C5) (C2)
        multiply(dh_new, s_n, dn)  # (C5) (C4)
        dm = project(dn)  # (C4)
        multiply(dm, s_r, dr)  # (C3) (C1)
        return (dh_new * (1 - z) + dm * r,)  # (C5) (C3)
