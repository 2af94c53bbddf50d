"""The three cells with activations over all units, such as softmax: `ns.Recurrent(LSTMOverUnitsCell(...), ...)`.

A derivative entry by entry does not exist, so that these cells have no local derivatives: backward pulls each adjoint
back through its function. The equations are those of the cells that they extend.
"""

from npseq.activations.over_units import ActivatedOverUnits
from npseq.backend import Array
from npseq.cell import Passed, Project, State, States
from npseq.layers.gru import GRUCell
from npseq.layers.lstm import LSTMCell
from npseq.layers.rnn import RNNCell


class RNNOverUnitsCell(ActivatedOverUnits, RNNCell):
    """The plain cell, whose function may also be over all units.

    Args:
        nonlinearity: "softmax", "log_softmax", "sparsemax" or an activation.

    Example:
        >>> y = ns.Recurrent(ns.layers.RNNOverUnitsCell("softmax"), 2, 3).forward(np.ones((5, 1, 2), np.float32))[0]
        >>> np.allclose(y.sum(axis=2), 1)
        True
    """

    local_derivatives = None  # type: ignore[assignment]

    def backward(self, dnew: State, a: Array, s: States, da: Array, p: Array, project: Project) -> Passed:  # type: ignore[override]
        (_, (h_new,)), (pull_phi,) = s, self.pull_backs
        da[0] = pull_phi(dnew[0], a[0], h_new)  # (R2)
        return (None,)


class GRUOverUnitsCell(ActivatedOverUnits, GRUCell):
    """The GRU's cell, whose functions may also be over all units.

    Args:
        reset: "after" or "before", as ns.GRU takes it.
        gate_activation, activation: "softmax", "log_softmax", "sparsemax" or activations.

    Example:
        >>> cell = ns.layers.GRUOverUnitsCell("after", "sigmoid", "softmax")
        >>> bool(ns.gradcheck_layer(ns.Recurrent(cell, 2, 3, rng=0), np.ones((3, 1, 2))))
        True
    """

    n = -4  # the inputs are always kept
    local_derivatives = None  # type: ignore[assignment]

    def backward(self, dnew: State, a: Array, s: States, da: Array, p: Array, project: Project) -> Passed:  # type: ignore[override]
        ((h,), _), (dh_new,), (pull_sigma, pull_phi) = s, dnew, self.pull_backs
        r, z, n, in_r, in_z, in_n = a[0], a[1], a[-4], a[-3], a[-2], a[-1]
        da[1] = pull_sigma(dh_new * (h - n), in_z, z)  # (G7) (G2)
        dn = pull_phi(dh_new * (1 - z), in_n, n)  # (G7) (G4 | G6)
        da[-1] = dn
        if self.reset == "before":
            dm = project(dn)  # (G4) (G3)
            da[0] = pull_sigma(dm * h, in_r, r)  # (G3) (G1)
            return (dh_new * z + dm * r,)  # (G7) (G3)
        da[0] = pull_sigma(dn * a[2], in_r, r)  # (G6) (G1)
        da[2] = dn * r  # (G6)
        return (dh_new * z,)  # (G7)


class LSTMOverUnitsCell(ActivatedOverUnits, LSTMCell):
    """The LSTM's cell, whose functions may also be over all units.

    Args:
        peepholes: whether i, f and o see the cell state.
        projected: whether h is m W_hp, of the layer's state_size.
        gate_activation, activation, output_activation: "softmax", "log_softmax", "sparsemax" or activations.

    Example:
        >>> cell = ns.layers.LSTMOverUnitsCell(activation="softmax", output_activation="softmax")
        >>> bool(ns.gradcheck_layer(ns.Recurrent(cell, 2, 3, rng=0), np.ones((3, 1, 2))))
        True
    """

    local_derivatives = None  # type: ignore[assignment]

    def backward(self, dnew: State, a: Array, s: States, da: Array, p: Array, project: Project) -> Passed:  # type: ignore[override]
        (dh_new, dc_new), ((_, c), (_, c_new)) = dnew, s
        (o, i, f, g, in_o, in_i, in_f, in_g), (pull_sigma, pull_phi, pull_psi) = a, self.pull_backs
        psi_c = _over_first_axis(self.functions[2], c_new)
        dm = project(dh_new) if self.projected else dh_new  # (L7)
        da[0] = pull_sigma(dm * psi_c, in_o, o)  # (L6) (L5)
        dc_all = dc_new + pull_psi(dm * o, c_new, psi_c)  # (L6)
        if self.peepholes:
            dc_all = dc_all + da[0] * p[0]  # (L5)
        da[1] = pull_sigma(dc_all * g, in_i, i)  # (L4) (L1)
        da[2] = pull_sigma(dc_all * c, in_f, f)  # (L4) (L2)
        da[3] = pull_phi(dc_all * i, in_g, g)  # (L4) (L3)
        dc = dc_all * f  # (L4)
        return None, dc + da[1] * p[1] + da[2] * p[2] if self.peepholes else dc  # (L1) (L2)


def _over_first_axis(function: object, c_new: Array) -> Array:
    """psi(c') of c' (H, B), or (H, 1, B) where adjoints have lags."""
    found: Array = function(c_new.reshape(len(c_new), -1)).reshape(c_new.shape)  # type: ignore[operator]
    return found
