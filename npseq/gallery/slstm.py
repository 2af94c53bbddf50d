"""The sLSTM of Beck et al. 2024 (xLSTM, arXiv 2405.04517), with its exponential gates stabilised.

docs/derivations/gallery/slstm.md derives it.

    (C1)  o  = sigmoid(x W_xo + h W_ho + b_o)
    (C2)  z  = tanh(x W_xz + h W_hz + b_z)
    (C3)  a_k = x W_xk + h W_hk + b_k,  k = i, f
    (C4)  w  = [a_f + m > a_i]                 1 or 0
    (C5)  m' = max(a_f + m, a_i)
    (C6)  i  = exp(a_i - m')                   at most 1, as is f
    (C7)  f  = exp(a_f + m - m')
    (C8)  c' = f * c + i * z
    (C9)  n' = f * n + i
    (C10) h' = o * c' / n'
"""

import numpy as np

from npseq.activations import dsigmoid, dtanh, sigmoid, tanh
from npseq.backend import Array
from npseq.cell import Cell, Passed, Project, State, States


class SLSTMCell(Cell):
    """Equations (C1) to (C10), the forget gate exponential as well; of the state (h, c), c holds c, n and m.

    n begins as 0 and is positive from the first step on; an initial n must not be negative.

    Example:
        >>> y, (h, c), tape = ns.Recurrent(ns.gallery.SLSTMCell(), 2, 3).forward(np.ones((5, 1, 2), np.float32))
        >>> c.shape
        (1, 1, 9)
    """

    gates, state = ("o", "i", "f", "z"), ("h", "c", "n", "m")

    def forward(self, a: Array, old: State, new: State, p: Array, project: Project) -> None:
        (_, c, n, m), (h_new, c_new, n_new, m_new), (o, i, f, z) = old, new, a
        sigmoid(o, o)  # (C1)
        tanh(z, z)  # (C2)
        largest = np.where((f + m).real > i.real, f + m, i)  # (C5)
        i[...] = np.exp(i - largest)  # (C3) (C6)
        f[...] = np.exp(f + m - largest)  # (C3) (C7)
        m_new[...] = largest
        c_new[...] = f * c + i * z  # (C8)
        n_new[...] = f * n + i  # (C9)
        h_new[...] = o * c_new / n_new  # (C10)

    def backward(self, dnew: State, a: Array, s: States, da: Array, p: Array, project: Project) -> Passed:
        ((_, c, n, _), (_, c_new, n_new, _)), (o, i, f, z), (do, di, df, dz) = s, a, da
        dh, dc, dn, dm = dnew
        n_new = n_new + (n_new == 0)  # where no step has been taken, and all adjoints are 0
        do[...] = dh * c_new / n_new * dsigmoid(o)  # (C10) (C1)
        dc = dc + dh * o / n_new  # (C10)
        dn = dn - dh * o * c_new / (n_new * n_new)  # (C10)
        dz[...] = dc * i * dtanh(z)  # (C8) (C2)
        through_i, through_f = i * (dc * z + dn), f * (dc * c + dn * n)  # (C8) (C9) (C6) (C7)
        dm = dm - through_i - through_f  # (C6) (C7)
        carried = f.real == 1  # (C4): then (C7) is exp(0)
        di[...] = through_i + np.where(carried, 0, dm)  # (C6) (C5) (C3)
        df[...] = through_f + np.where(carried, dm, 0)  # (C7) (C5) (C3)
        return None, dc * f, dn * f, df  # (C8) (C9) (C7) (C5)
