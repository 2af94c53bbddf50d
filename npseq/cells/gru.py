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

    @property
    def blocks(self):
        return ("r", "z", "n") if self.reset == "before" else ("r", "z", "v", "n")  # h meets all but n

    @property
    def direct(self):
        return 2 if self.reset == "before" else 3

    @property
    def second(self):
        return "W_hn" if self.reset == "before" else None

    def inner(self, bias):
        return ("b_hn",) if bias and self.reset == "after" else ()

    def forward(self, a, before, own, second, after):
        h, r, z, n, r_and_z = before[0], a[0], a[1], a[-1], a[:2]
        sigmoid(r_and_z, out=r_and_z)  # (G1) (G2)
        if self.reset == "before":
            n += second(r * h)  # (G3)
        else:
            v = a[2]  # (G5): its product and bias came with those of r and z
            n += r * v  # (G6)
        tanh(n, out=n)  # (G4 | G6)
        add(n, z * (h - n), out=after[0])  # (G7)

    def slopes(self, a, before, after, out):
        r, z, n, h = a[0], a[1], a[-1], before[0]
        dsigmoid(a[:2], out=out[:2])  # (G1) (G2)
        out[1] *= h - n  # (G7)
        multiply(1 - z, dtanh(n), out=out[-1])  # (G7) (G4 | G6)
        if self.reset == "before":
            out[0] *= h  # (G3)
        else:
            out[0] *= a[2]  # (G6)
            out[2] = r  # (G6)

    def backward(self, dh, dc, a, slopes, more, own, second, da):
        r, z, dn = a[0], a[1], da[-1]
        passed = dh * z  # (G7)
        multiply(dh, slopes[1], out=da[1])  # (G7)
        multiply(dh, slopes[-1], out=dn)  # (G7)
        if self.reset == "before":
            dm = second(dn)  # (G4) (G3)
            multiply(dm, slopes[0], out=da[0])  # (G3)
            passed += dm * r  # (G3)
        else:
            multiply(dn, slopes[0], out=da[0])  # (G6)
            multiply(dn, slopes[2], out=da[2])  # (G6)
        return passed, None
