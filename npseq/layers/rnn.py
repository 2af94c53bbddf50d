"""The plain recurrent network of Elman 1990 (Dive into Deep Learning, 9.4): docs/derivations/rnn.md.

(R1)  a  = x W_xh + h W_hh + b_h
(R2)  h' = phi(a)                          phi = tanh or relu, or another activation
"""

from typing import Any

import numpy as np

from npseq.activations import Activated, Activation, multiply
from npseq.backend import Array
from npseq.cell import Cell, Passed, Project, State
from npseq.layers.recurrent import Recurrent


class RNNCell(Activated, Cell):
    """Equations (R1) and (R2); nonlinearity: "tanh", "relu" or another activation."""

    nonlinearity: str | Activation = "tanh"
    gates, activated, saved = ("h",), ("nonlinearity",), ()

    @property
    def reads_gates(self) -> bool:  # type: ignore[override]
        return self.keeps  # a holds the input of phi, h' its output

    def forward(self, a: Array, old: State, new: State, p: Array, project: Project) -> None:
        a_h, (h_new,), (phi,) = a[0], new, self.functions
        phi(a_h, h_new)  # (R2)

    def local_derivatives(self, a: Array, old: State, new: State, s: Array) -> None:
        s_h, (h_new,), (dphi,) = s[0], new, self.derivatives
        dphi(a[0] if self.keeps else h_new, out=s_h)  # (R2)

    def backward(self, dnew: State, a: Array, s: Array, da: Array, p: Array, project: Project) -> Passed:
        da_h, s_h, (dh_new,) = da[0], s[0], dnew
        multiply(dh_new, s_h, da_h)  # (R2)
        return (None,)


class RNN(Recurrent):
    """h' = phi(x W_xh + h W_hh + b_h), phi tanh or another activation (Elman 1990).

    Args:
        input_size: D, or the number of token ids.
        hidden_size: H units.
        num_layers: L, each reading the one below.
        nonlinearity: "tanh", "relu" or another activation's name, or an ns.Activation.
        bidirectional: whether each layer also runs from the last step to the first.
        bias: whether there are biases.
        dropout: the probability with which training zeroes a feature between layers.
        dtype: of parameters and states.
        rng: seed or Generator of the initial values U(-1/sqrt(H), 1/sqrt(H)), PyTorch's, and of dropout.

    Raises:
        TypeError, ValueError: if a size, an option or a probability does not hold.

    Example:
        >>> y, state, tape = ns.RNN(3, 4, rng=0).forward(np.ones((5, 2, 3), np.float32))
        >>> y.shape, state.shape
        ((5, 2, 4), (1, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        nonlinearity: str | Activation = "tanh",
        bidirectional: bool = False,
        bias: bool = True,
        dropout: float = 0.0,
        dtype: Any = np.float32,
        rng: Any = None,
    ):
        super().__init__(
            RNNCell(nonlinearity),
            input_size,
            hidden_size,
            num_layers=num_layers,
            bidirectional=bidirectional,
            bias=bias,
            dropout=dropout,
            dtype=dtype,
            rng=rng,
        )
