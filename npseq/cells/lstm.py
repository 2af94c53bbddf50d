"""Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000): docs/derivations/lstm.md.

    (L1)  i  = sigmoid(x W_xi + h W_hi + b_i  [+ p_i * c])
    (L2)  f  = sigmoid(x W_xf + h W_hf + b_f  [+ p_f * c])
    (L3)  g  = tanh   (x W_xg + h W_hg + b_g)
    (L4)  c' = f * c + i * g
    (L5)  o  = sigmoid(x W_xo + h W_ho + b_o  [+ p_o * c'])
    (L6)  m  = o * tanh(c')
    (L7)  h' = m                               or  m W_hp  with a projection

In brackets the peepholes of Gers et al. 2002: i and f look at the old cell state, o at the new one.
The projection is that of Sak et al. 2014 (arXiv 1402.1128). The notes' C~ is g here.
"""

from __future__ import annotations

from dataclasses import dataclass

from npseq.activations import add, dsigmoid, dtanh, multiply, sigmoid, tanh
from npseq.cells.cell import Cell


@dataclass(frozen=True)
class LSTM(Cell):
    """peepholes: whether i, f and o see the cell state. projection: whether h is m W_hp."""

    peepholes: bool = False
    projection: bool = False
    gates = ("o", "i", "f", "g")  # o, i, f share a sigmoid; i, f, g are reached through c: each lies in one piece
    carries = ("h", "c")

    @property
    def second(self):
        return "W_hp" if self.projection else None

    def own(self, bias):
        return ("p_o", "p_i", "p_f") if self.peepholes else ()

    def forward(self, a, before, own, second, after):
        h_next, c_next = after
        c = before[1]
        o, i, f, g, sigmoids = a[0], a[1], a[2], a[3], a[:3]
        if self.peepholes:
            sigmoid(a[1:3] + own[1:] * c, out=a[1:3])  # (L1) (L2)
        else:
            sigmoid(sigmoids, out=sigmoids)  # (L5) (L1) (L2)
        tanh(g, out=g)  # (L3)
        c = add(f * c, i * g, out=c_next)  # (L4)
        if self.peepholes:
            sigmoid(o + own[0] * c, out=o)  # (L5)
        if self.projection:
            h_next[...] = second(o * tanh(c))  # (L6) (L7)
        else:
            multiply(o, tanh(c), out=h_next)  # (L6) (L7)

    def slopes(self, a, before, after, out):
        o, i, _, g = a
        tanh_c = tanh(after[1])
        dsigmoid(a[:3], out=out[:3])  # (L5) (L1) (L2)
        out[0] *= tanh_c  # (L6)
        out[1] *= g  # (L4)
        out[2] *= before[1]  # (L4)
        multiply(i, dtanh(g), out=out[3])  # (L4) (L3)
        return o * dtanh(tanh_c)  # (L6)

    def backward(self, dh, dc, a, slopes, more, own, second, da):
        dm = second(dh) if self.projection else dh  # (L7)
        do, di, df = da[0], da[1], da[2]
        multiply(dm, slopes[0], out=do)  # (L6) (L5)
        dc = dc + dm * more  # (L6)
        if self.peepholes:
            dc += do * own[0]  # (L5)
        multiply(dc, slopes[1:], out=da[1:])  # (L4) (L1) (L2) (L3)
        dc = dc * a[2]  # (L4)
        if self.peepholes:
            dc += di * own[1] + df * own[2]  # (L1) (L2)
        return None, dc

    def own_gradients(self, da, c_before, c_after):
        do, di, df, _ = da
        return do * c_after, di * c_before, df * c_before  # (L5) (L1) (L2)
