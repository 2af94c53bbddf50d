"""The linear recurrent unit of Orvieto et al. 2023 (arXiv 2303.06349), complex and diagonal.

Derived in docs/derivations/gallery/lru.md. A complex number is two, l_r + i l_i = exp(-exp(nu) + i exp(theta)).

    (C1)  a_r = x W_xr + b_r                   the real part of the inputs, and the imaginary one
    (C2)  a_i = x W_xi + b_i
    (C3)  d   = x W_xd + b_d
    (C4)  l_r = exp(-exp(nu)) * cos(exp(theta))
    (C5)  l_i = exp(-exp(nu)) * sin(exp(theta))
    (C6)  r'  = l_r * r - l_i * i + exp(gamma) * a_r
    (C7)  i'  = l_r * i + l_i * r + exp(gamma) * a_i
    (C8)  W_zh = [W_zr; W_zi]
    (C9)  h'  = r' W_zr + i' W_zi + d
"""

import numpy as np

from npseq.backend import Array
from npseq.cell import Cell, Passed, Project, State, States

LEAST, MOST = 0.5, 0.99  # the moduli that the units begin with


class LRUCell(Cell):
    """Equations (C1) to (C9): h enters no product; W_zh (2 H, H) reads the complex state, real parts first.

    Of the state (h, c), c holds the real parts and then the imaginary ones. The squared moduli begin evenly spread, the
    angles at random, and gamma at log sqrt(1 - modulus^2).

    Example:
        >>> layer = ns.Recurrent(ns.gallery.LRUCell(), 2, 3)
        >>> layer.params["W_zh"].shape, layer.forward(np.ones((5, 1, 2), np.float32))[1][1].shape
        ((6, 3), (1, 1, 6))
    """

    gates, h_blocks, state, saved = ("r", "i", "d"), (), ("h", "r", "i"), ("z_r", "z_i")
    projection, operands, vectors = "W_zh", 2, ("nu", "theta", "gamma")

    def initial(self, name: str, shape: tuple[int, ...], rng: "np.random.Generator") -> Array | None:
        squares = np.linspace(LEAST**2, MOST**2, shape[0])
        first = {"nu": np.log(-np.log(squares) / 2), "gamma": np.log(1 - squares) / 2}
        return np.log(rng.uniform(0, 2 * np.pi, shape)) if name == "theta" else first.get(name)

    def forward(self, a: Array, old: State, new: State, p: Array, project: Project) -> None:
        (_, r, i), (h_new, r_new, i_new), (a_r, a_i, d, z_r, z_i) = old, new, a
        l_r, l_i = eigenvalues(p)
        z_r[...] = l_r * r - l_i * i + np.exp(p[2]) * a_r  # (C1) (C6)
        z_i[...] = l_r * i + l_i * r + np.exp(p[2]) * a_i  # (C2) (C7)
        r_new[...], i_new[...] = z_r, z_i
        h_new[...] = d + project(a[3:])  # (C3) (C8) (C9)

    def backward(self, dnew: State, a: Array, s: States, da: Array, p: Array, project: Project) -> Passed:
        (dh, dr, di), (_, r, i), (a_r, a_i), (l_r, l_i) = dnew, s[0], a[:2], eigenvalues(p)
        v = project(dh)  # (C9) (C8)
        dr, di, da[2] = dr + v[0], di + v[1], dh  # (C9) (C8) (C3)
        da[0], da[1] = np.exp(p[2]) * dr, np.exp(p[2]) * di  # (C6) (C7) (C1) (C2)
        dl_r, dl_i = dr * r + di * i, di * r - dr * i  # (C6) (C7)
        da[3] = -np.exp(p[0]) * (dl_r * l_r + dl_i * l_i)  # (C4) (C5)
        da[4] = np.exp(p[1]) * (dl_i * l_r - dl_r * l_i)  # (C4) (C5)
        da[5] = np.exp(p[2]) * (dr * a_r + di * a_i)  # (C6) (C7)
        return None, l_r * dr + l_i * di, l_r * di - l_i * dr  # (C6) (C7)


def eigenvalues(p: Array) -> tuple[Array, Array]:
    """The real and imaginary part of exp(-exp(nu) + i exp(theta))."""
    modulus, angle = np.exp(-np.exp(p[0])), np.exp(p[1])
    return modulus * np.cos(angle), modulus * np.sin(angle)  # (C4) (C5)
