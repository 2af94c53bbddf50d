"""The LSTM whose forget gate is 1 - i, ONNX's with input_forget = 1: docs/derivations/gallery/input_forget_lstm.md.

    (C1)  i  = sigmoid(x W_xi + h W_hi + b_i  [+ p_i * c])
    (C2)  g  = tanh   (x W_xg + h W_hg + b_g)
    (C3)  c' = (1 - i) * c + i * g
    (C4)  o  = sigmoid(x W_xo + h W_ho + b_o  [+ p_o * c'])
    (C5)  h' = o * tanh(c')

With a sigmoid, CoupledLSTMCell at the weights -W_i is the same network; with another function it is not.
"""

from npseq.activations import Activated, Activation, multiply
from npseq.arguments import flag
from npseq.backend import Array
from npseq.cell import Cell, Passed, Project, State, States


class InputForgetLSTMCell(Activated, Cell):
    """Equations (C1) to (C5): what is written is forgotten; ns.interop.onnx.load makes layers of it.

    Args:
        peepholes: whether i sees the old cell state, and o the new one.
        gate_activation, activation, output_activation: of i and o, of g, and of c' in (C5).

    Example:
        >>> list(ns.Recurrent(ns.gallery.InputForgetLSTMCell(), 2, 3).params)[:3]
        ['W_xo', 'W_ho', 'b_o']
    """

    peepholes: bool = False
    gate_activation: str | Activation = "sigmoid"
    activation: str | Activation = "tanh"
    output_activation: str | Activation = "tanh"
    gates, state = ("o", "i", "g"), ("h", "c")
    activated = ("gate_activation", "activation", "output_activation")

    def _check_options(self) -> None:
        flag("peepholes", self.peepholes)

    @property
    def vectors(self) -> tuple[str, ...]:
        return ("p_o", "p_i") if self.peepholes else ()

    def forward(self, a: Array, old: State, new: State, p: Array, project: Project) -> None:
        c, (h_new, c_new), (o, i, g), (sigma, phi, psi) = old[1], new, a[:3], self.functions
        if self.peepholes:
            i += p[1] * c  # (C1)
        if self.keeps:
            a[4:] = a[1:3]
        sigma(i, i)  # (C1)
        phi(g, g)  # (C2)
        c_new[...] = (1 - i) * c + i * g  # (C3)
        if self.peepholes:
            o += p[0] * c_new  # (C4)
        if self.keeps:
            a[3] = o
        sigma(o, o)  # (C4)
        multiply(o, psi(c_new), h_new)  # (C5)

    def backward(self, dnew: State, a: Array, s: States, da: Array, p: Array, project: Project) -> Passed:
        (dh, dc_new), ((_, c), (_, c_new)), (o, i, g), (dsigma, dphi, dpsi) = dnew, s, a[:3], self.derivatives
        psi_c, of = self.functions[2](c_new), a[3:] if self.keeps else a
        da[0] = dh * psi_c * dsigma(of[0])  # (C5) (C4)
        dc_all = dc_new + dh * o * dpsi(c_new if self.keeps else psi_c)  # (C5)
        if self.peepholes:
            dc_all += da[0] * p[0]  # (C4)
        da[1] = dc_all * (g - c) * dsigma(of[1])  # (C3) (C1)
        da[2] = dc_all * i * dphi(of[2])  # (C3) (C2)
        if self.peepholes:
            da[3], da[4] = da[0] * c_new, da[1] * c  # (C4) (C1)
        return None, dc_all * (1 - i) + (da[1] * p[1] if self.peepholes else 0)  # (C3) (C1)
