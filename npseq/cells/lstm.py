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

from npseq.activations import dsigmoid, dtanh, multiply, sigmoid, tanh
from npseq.cells.cell import Cell


@dataclass(frozen=True)
class LSTM(Cell):
    """peepholes: whether i, f and o see the cell state. projection: whether h is m W_hp."""

    peepholes: bool = False
    projection: bool = False
    gates = ("i", "f", "o", "g")
    carries = ("h", "c")

    @property
    def second(self):
        return "W_hp" if self.projection else None

    def own(self, bias):
        return ("p_i", "p_f", "p_o") if self.peepholes else ()

    def forward(self, a, h, c, own, second):
        if self.peepholes:
            p_if, p_o = own[:2], own[2]
            i, f = sigmoid(a[:2] + p_if * c, out=a[:2])  # (L1) (L2)
        else:
            i, f, o = sigmoid(a[:3], out=a[:3])  # (L1) (L2) (L5)
        g = tanh(a[3], out=a[3])  # (L3)
        c = f * c + i * g  # (L4)
        if self.peepholes:
            o = sigmoid(a[2] + p_o * c, out=a[2])  # (L5)
        m = o * tanh(c)  # (L6)
        return (second(m) if self.projection else m), c  # (L7)

    def backward(self, dh, dc, gates, v, before, after, own, second, da):
        i, f, o, g = gates
        slope_i, slope_f, slope_o = dsigmoid(gates[:3])
        c_before, c = before[1], after[1]
        tanh_c = tanh(c)
        dm = second(dh) if self.projection else dh  # (L7)
        do = multiply(dm * tanh_c, slope_o, out=da[2])  # (L6) (L5)
        dc = dc + dm * o * dtanh(tanh_c)  # (L6)
        if self.peepholes:
            dc += do * own[2]  # (L5)
        di = multiply(dc * g, slope_i, out=da[0])  # (L4) (L1)
        df = multiply(dc * c_before, slope_f, out=da[1])  # (L4) (L2)
        multiply(dc * i, dtanh(g), out=da[3])  # (L4) (L3)
        dc = dc * f  # (L4)
        if self.peepholes:
            dc += di * own[0] + df * own[1]  # (L1) (L2)
        return None, dc

    def own_gradients(self, da, dv, c_before, c_after):
        di, df, do = da[0], da[1], da[2]
        return di * c_before, df * c_before, do * c_after  # (L1) (L2) (L5)
