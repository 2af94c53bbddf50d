"""The plain recurrent cell, Elman's, as in the notes (A19): docs/derivations/rnn.md.

(R1)  a  = x W_xh + h W_hh + b_h
(R2)  h' = phi(a)                          phi = tanh or relu
"""

from __future__ import annotations

from dataclasses import dataclass

from npseq.activations import drelu, dtanh, multiply, relu, tanh
from npseq.cells.cell import Cell


@dataclass(frozen=True)
class RNN(Cell):
    """nonlinearity: "tanh" or "relu"."""

    nonlinearity: str = "tanh"
    gates = ("h",)
    keeps_gates = False

    def forward(self, a, before, own, second, after):
        phi = tanh if self.nonlinearity == "tanh" else relu
        phi(a[0], out=after[0])  # (R2)

    def slopes(self, a, before, after, out):
        dphi = dtanh if self.nonlinearity == "tanh" else drelu
        out[0] = dphi(after[0])  # (R2)

    def backward(self, dh, dc, a, slopes, more, own, second, da):
        multiply(dh, slopes[0], out=da[0])  # (R2)
        return None, None
