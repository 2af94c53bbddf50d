"""The gated recurrent unit of Cho et al. 2014 (arXiv 1406.1078): docs/derivations/gru.md.

z near 1 keeps the old state, as in d2l, PyTorch and Keras; Ng's update gate is 1 - z.

    (G1)  r  = sigmoid(x W_xr + h W_hr + b_r)
    (G2)  z  = sigmoid(x W_xz + h W_hz + b_z)

reset="before", the paper's and the notes': the gate acts before the product

    (G3)  v  = m W_hn,  m = r * h
    (G4)  n  = tanh(x W_xn + b_n + v)

reset="after", cuDNN's and PyTorch's: the gate acts after the product

    (G5)  v  = h W_hn + b_hn
    (G6)  n  = tanh(x W_xn + b_n + r * v)

    (G7)  h' = z * h + (1 - z) * n
"""

from __future__ import annotations

from dataclasses import dataclass

from npseq.activations import add, dsigmoid, dtanh, multiply, sigmoid, tanh
from npseq.cells.cell import Cell


@dataclass(frozen=True)
class GRU(Cell):
    """reset: "after" or "before", the side of the product W_hn on which the reset gate acts."""

    reset: str = "after"
    gates = ("r", "z", "n")
    direct = 2
    second = "W_hn"

    @property
    def keeps_operand(self):
        return self.reset == "before"

    def own(self, bias):
        return ("b_hn",) if bias and self.reset == "after" else ()

    def forward(self, a, before, own, second, after):
        h = before[0]
        sigmoid(a[:2], out=a[:2])  # (G1) (G2)
        r, z = a[0], a[1]
        if self.reset == "before":
            v = second(r * h)  # (G3)
            n = tanh(a[2] + v, out=a[2])  # (G4)
        else:
            v = second(h)  # (G5)
            if own is not None:
                v += own[0]
            n = tanh(a[2] + r * v, out=a[2])  # (G6)
        add(n, z * (h - n), out=after[0])  # (G7)

    def slopes(self, gates, v, before, after, out):
        _, z, n = gates
        h = before[0]
        dsigmoid(gates[:2], out=out[:2])  # (G1) (G2)
        out[0] *= h if self.reset == "before" else v  # (G3 | G6)
        out[1] *= h - n  # (G7)
        multiply(1 - z, dtanh(n), out=out[2])  # (G7) (G4 | G6)

    def backward(self, dh, dc, gates, slopes, more, own, second, da):
        r, z, dn = gates[0], gates[1], da[2]
        multiply(dh, slopes[1:], out=da[1:])  # (G7)
        dh = dh * z  # (G7)
        if self.reset == "before":
            dm = second(dn)  # (G4) (G3)
            multiply(dm, slopes[0], out=da[0])  # (G3)
            dh += dm * r  # (G3)
        else:
            multiply(dn, slopes[0], out=da[0])  # (G6)
            dh += second(dn * r)  # (G6) (G5)
        return dh, None

    def own_gradients(self, da, dv, c_before, c_after):
        return (dv,)  # (G5)
