"""Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000): docs/derivations/lstm.md.

    (L1)  i  = sigmoid(x W_xi + h W_hi + b_i  [+ p_i * c])
    (L2)  f  = sigmoid(x W_xf + h W_hf + b_f  [+ p_f * c])
    (L3)  g  = tanh   (x W_xg + h W_hg + b_g)
    (L4)  c' = f * c + i * g
    (L5)  o  = sigmoid(x W_xo + h W_ho + b_o  [+ p_o * c'])
    (L6)  m  = o * tanh(c')
    (L7)  h' = m                               or  m W_hp  with a projection

In brackets the peepholes of Gers et al. 2002: i and f look at the old cell state, o at the new one.
The projection is that of Sak et al. 2014 (arXiv 1402.1128). What d2l calls C~ is g here.
Another `gate_activation` may stand for the sigmoid, `activation` for the tanh of (L3), `output_activation` of (L6).
"""

from typing import Any

import numpy as np

from npseq.activations import Activated, Activation, multiply
from npseq.arguments import flag, integer
from npseq.backend import Array
from npseq.cell import Cell, Passed, Project, State
from npseq.layers.recurrent import Recurrent


class LSTMCell(Activated, Cell):
    """Equations (L1) to (L7); peepholes: whether i, f and o see the cell state; projected: whether h' is m W_hp."""

    peepholes: bool = False
    projected: bool = False
    gate_activation: str | Activation = "sigmoid"
    activation: str | Activation = "tanh"
    output_activation: str | Activation = "tanh"
    gates = ("o", "i", "f", "g")  # o, i, f share a sigmoid; i, f, g are reached through c: each lies in one piece
    state = ("h", "c")
    local = 5  # a derivative for each gate, and dm/dc'
    activated = ("gate_activation", "activation", "output_activation")

    def _check_options(self) -> None:
        flag("peepholes", self.peepholes)
        flag("projected", self.projected)

    @property
    def projection(self) -> str | None:
        return "W_hp" if self.projected else None

    @property
    def vectors(self) -> tuple[str, ...]:
        return ("p_o", "p_i", "p_f") if self.peepholes else ()

    def forward(self, a: Array, old: State, new: State, p: Array, project: Project) -> None:
        (_, c), (h_new, c_new), (sigma, phi, psi) = old, new, self.functions
        o, i, f, g, gates = a[0], a[1], a[2], a[3], a[:3]
        if self.peepholes:
            gates = a[1:3]  # o waits for c'
            gates += p[1:] * c  # (L1) (L2)
        if self.keeps:
            a[4:] = a[:4]
        sigma(gates, gates)  # (L1) (L2) (L5)
        phi(g, g)  # (L3)
        multiply(f, c, c_new)
        c_new += i * g  # (L4)
        if self.peepholes:
            o += p[0] * c_new  # (L5)
            if self.keeps:
                a[4] = o
            sigma(o, o)  # (L5)
        if self.projected:
            h_new[...] = project(o * psi(c_new))  # (L6) (L7)
        else:
            multiply(o, psi(c_new), h_new)  # (L6) (L7)

    def local_derivatives(self, a: Array, old: State, new: State, s: Array) -> None:
        (_, c), (_, c_new), (dsigma, dphi, dpsi) = old, new, self.derivatives
        o, i, g, psi_c = a[0], a[1], a[3], self.functions[2](c_new)
        s_o, s_i, s_f, s_g, s_c, s_o_i_f = s[0], s[1], s[2], s[3], s[4], s[:3]
        of_gates, of_g, of_c = (a[4:7], a[7], c_new) if self.keeps else (a[:3], g, psi_c)
        dsigma(of_gates, out=s_o_i_f)  # (L5) (L1) (L2)
        s_o *= psi_c  # (L6)
        s_i *= g  # (L4)
        s_f *= c  # (L4)
        dphi(of_g, out=s_g)
        s_g *= i  # (L4) (L3)
        dpsi(of_c, out=s_c)
        s_c *= o  # (L6)

    def backward(self, dnew: State, a: Array, s: Array, da: Array, p: Array, project: Project) -> Passed:
        (dh_new, dc_new), f = dnew, a[2]
        do, di_f_g, s_o, s_i_f_g, s_c = da[0], da[1:], s[0], s[1:4], s[4]
        dm = project(dh_new) if self.projected else dh_new  # (L7)
        multiply(dm, s_o, out=do)  # (L6) (L5)
        dc_all = dc_new + dm * s_c  # (L6)
        if self.peepholes:
            p_o, p_i, p_f, di, df = p[0], p[1], p[2], da[1], da[2]
            dc_all += do * p_o  # (L5)
        multiply(dc_all, s_i_f_g, out=di_f_g)  # (L4) (L1) (L2) (L3)
        dc = dc_all * f  # (L4)
        if self.peepholes:
            dc += di * p_i + df * p_f  # (L1) (L2)
        return None, dc

    def vector_gradients(self, da: Array, old: State, new: State) -> State:
        (_, c), (_, c_new), (do, di, df, _) = old, new, da
        return do * c_new, di * c, df * c  # (L5) (L1) (L2)


class LSTM(Recurrent):
    """Long short-term memory (Hochreiter & Schmidhuber 1997); its state is a pair (h, c).

    Args:
        input_size: D, or the number of token ids.
        hidden_size: H units.
        num_layers: L, each reading the one below.
        peepholes: whether i, f and o see the cell state (Gers et al. 2002).
        proj_size: P > 0 makes h a projection of that size (Sak et al. 2014); 0 is none.
        gate_activation, activation: names of activations or ns.Activation, of the gates i, f and o, and of g.
        output_activation: of c' on its way to h; None is `activation`, as in Keras.
        bidirectional: whether each layer also runs from the last step to the first.
        bias: whether there are biases.
        dropout: the probability with which training zeroes a feature between layers.
        dtype: of parameters and states.
        rng: seed or Generator of the initial values U(-1/sqrt(H), 1/sqrt(H)), PyTorch's, and of dropout.

    Raises:
        TypeError, ValueError: if a size, an option or a probability does not hold.

    Example:
        >>> y, (h, c), tape = ns.LSTM(3, 4, proj_size=2, rng=0).forward(np.ones((5, 2, 3), np.float32))
        >>> y.shape, h.shape, c.shape
        ((5, 2, 2), (1, 2, 2), (1, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        peepholes: bool = False,
        proj_size: int = 0,
        gate_activation: str | Activation = "sigmoid",
        activation: str | Activation = "tanh",
        output_activation: str | Activation | None = None,
        bidirectional: bool = False,
        bias: bool = True,
        dropout: float = 0.0,
        dtype: Any = np.float32,
        rng: Any = None,
    ):
        hidden_size = integer("hidden_size", hidden_size)
        proj_size = integer("proj_size", proj_size, 0, hidden_size)
        output_activation = activation if output_activation is None else output_activation
        super().__init__(
            LSTMCell(flag("peepholes", peepholes), proj_size > 0, gate_activation, activation, output_activation),
            input_size,
            hidden_size,
            num_layers=num_layers,
            state_size=proj_size or hidden_size,
            bidirectional=bidirectional,
            bias=bias,
            dropout=dropout,
            dtype=dtype,
            rng=rng,
        )
