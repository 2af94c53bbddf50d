"""The gated recurrent unit of Cho et al. 2014 (arXiv 1406.1078): docs/derivations/gru.md.

z near 1 keeps the old state, as in Dive into Deep Learning (10.2), PyTorch and Keras; Ng's update gate is 1 - z.

    (G1)  r  = sigmoid(x W_xr + h W_hr + b_r)
    (G2)  z  = sigmoid(x W_xz + h W_hz + b_z)

reset="before", the paper's: the gate acts before the product

    (G3)  v  = m W_hn,  m = r * h
    (G4)  n  = tanh(x W_xn + b_n + v)

reset="after", cuDNN's and PyTorch's: the gate acts after the product

    (G5)  v  = h W_hn + b_hn
    (G6)  n  = tanh(x W_xn + b_n + r * v)

    (G7)  h' = z * h + (1 - z) * n

Another `gate_activation` takes the place of the sigmoid, another `activation` that of the tanh.
"""

from typing import Any, ClassVar

import numpy as np

from npseq.activations import Activated, Activation, add, multiply
from npseq.arguments import one_of
from npseq.backend import Array
from npseq.cell import Cell, Passed, Project, State
from npseq.layers.recurrent import Recurrent


class GRUCell(Activated, Cell):
    """Equations (G1) to (G7); reset: "after" or "before", the side of W_hn on which the reset gate acts.

    gate_activation, activation: of r and z, and of n.
    """

    reset: str = "after"
    gate_activation: str | Activation = "sigmoid"
    activation: str | Activation = "tanh"
    gates, activated = ("r", "z", "n"), ("gate_activation", "activation")
    n: ClassVar[int]  # where n lies in a, which ends with the inputs that are kept

    def _check_options(self) -> None:
        one_of("reset", self.reset, ("after", "before"))

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "n", -4 if self.keeps else -1)

    @property
    def h_blocks(self) -> tuple[str, ...]:
        return ("r", "z") if self.reset == "before" else ("r", "z", "hn")  # hn: v, which x does not enter

    @property
    def projection(self) -> str | None:
        return "W_hn" if self.reset == "before" else None

    def forward(self, a: Array, old: State, new: State, p: Array, project: Project) -> None:
        (h,), (h_new,) = old, new
        r, z, n, r_and_z, (sigma, phi) = a[0], a[1], a[self.n], a[:2], self.functions
        if self.keeps:
            a[-3:-1] = r_and_z
        sigma(r_and_z, r_and_z)  # (G1) (G2)
        if self.reset == "before":
            n += project(r * h)  # (G3)
        else:
            v = a[2]  # (G5): its product and bias came with those of r and z
            n += r * v  # (G6)
        if self.keeps:
            a[-1] = n
        phi(n, n)  # (G4 | G6)
        add(n, z * (h - n), h_new)  # (G7)

    def local_derivatives(self, a: Array, old: State, new: State, s: Array) -> None:
        (h,), r, z, n, (dsigma, dphi) = old, a[0], a[1], a[self.n], self.derivatives
        s_r, s_z, s_n, s_r_and_z = s[0], s[1], s[-1], s[:2]
        of_r_and_z, of_n = (a[-3:-1], a[-1]) if self.keeps else (a[:2], n)
        dsigma(of_r_and_z, out=s_r_and_z)  # (G1) (G2)
        s_z *= h - n  # (G7)
        dphi(of_n, out=s_n)
        s_n *= 1 - z  # (G7) (G4 | G6)
        if self.reset == "before":
            s_r *= h  # (G3)
        else:
            v, s_v = a[2], s[2]
            s_r *= v  # (G6)
            s_v[...] = r  # (G6)

    def backward(self, dnew: State, a: Array, s: Array, da: Array, p: Array, project: Project) -> Passed:
        (dh_new,), r, z = dnew, a[0], a[1]
        s_r, s_z, s_n = s[0], s[1], s[-1]
        dr, dz, dn = da[0], da[1], da[-1]
        dh = dh_new * z  # (G7)
        multiply(dh_new, s_z, out=dz)  # (G7) (G2)
        multiply(dh_new, s_n, out=dn)  # (G7) (G4 | G6)
        if self.reset == "before":
            dm = project(dn)  # (G4) (G3)
            multiply(dm, s_r, out=dr)  # (G3) (G1)
            dh += dm * r  # (G3)
        else:
            dv, s_v = da[2], s[2]
            multiply(dn, s_r, out=dr)  # (G6) (G1)
            multiply(dn, s_v, out=dv)  # (G6)
        return (dh,)


class GRU(Recurrent):
    """The gated recurrent unit (Cho et al. 2014); z near 1 keeps h.

    Args:
        input_size: D, or the number of token ids.
        hidden_size: H units.
        num_layers: L, each reading the one below.
        reset: "after" the product W_hn, PyTorch's and cuDNN's way, or "before" it, the paper's and d2l's.
        gate_activation, activation: names of activations or ns.Activation, of the gates r and z, and of n.
        bidirectional: whether each layer also runs from the last step to the first.
        bias: whether there are biases.
        dropout: the probability with which training zeroes a feature between layers.
        dtype: of parameters and states.
        rng: seed or Generator of the initial values U(-1/sqrt(H), 1/sqrt(H)), PyTorch's, and of dropout.

    Raises:
        TypeError, ValueError: if a size, an option or a probability does not hold.

    Example:
        >>> ns.GRU(3, 4, reset="before", rng=0).params["W_xz"].shape
        (3, 4)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        reset: str = "after",
        gate_activation: str | Activation = "sigmoid",
        activation: str | Activation = "tanh",
        bidirectional: bool = False,
        bias: bool = True,
        dropout: float = 0.0,
        dtype: Any = np.float32,
        rng: Any = None,
    ):
        super().__init__(
            GRUCell(one_of("reset", reset, ("after", "before")), gate_activation, activation),
            input_size,
            hidden_size,
            num_layers=num_layers,
            bidirectional=bidirectional,
            bias=bias,
            dropout=dropout,
            dtype=dtype,
            rng=rng,
        )
