"""Cells of the gallery that are one of ONNX's operators at other weights.

NgGRUCell          GRU at -W_z, since 1 - sigmoid(a) = sigmoid(-a)
MGUCell            GRU with r = f and 1 - z = f: W_r is W_f, W_z is -W_f
CoupledLSTMCell    LSTM with input_forget = 1 at W_i = -W_f
"""

import numpy as np

from npseq.backend import to_host
from npseq.gallery.coupled_lstm import CoupledLSTMCell
from npseq.gallery.input_forget_lstm import InputForgetLSTMCell
from npseq.gallery.mgu import MGUCell
from npseq.gallery.ng_gru import NgGRUCell
from npseq.layers.gru import GRUCell
from npseq.layers.recurrent import Recurrent

Signs = dict[str, tuple[str, int]]  # by the equivalent's gate: the cell's own, and the sign of its weights
SAME = {name: (name, 1) for name in "rnog"}
EQUIVALENTS: dict[type, tuple[GRUCell | InputForgetLSTMCell, Signs]] = {
    NgGRUCell: (GRUCell("before"), {**SAME, "z": ("z", -1)}),
    MGUCell: (GRUCell("before"), {**SAME, "r": ("f", 1), "z": ("f", -1)}),
    CoupledLSTMCell: (InputForgetLSTMCell(), {**SAME, "i": ("f", -1)}),
}


def standard(layer: Recurrent) -> Recurrent:
    """The layer of one of ONNX's operators that computes the same, on the host; the layer itself if there is none."""
    if type(layer.cell) not in EQUIVALENTS:
        return layer
    cell, gates = EQUIVALENTS[type(layer.cell)]
    twin = Recurrent(
        cell,
        layer.input_size,
        layer.hidden_size,
        num_layers=layer.num_layers,
        bidirectional=layer.directions == 2,
        bias=layer.bias,
        dtype=layer.dtype,
        rng=0,
    )
    for name in twin.params:  # W_xz_l1, W_hz_l1 or b_z_l1
        kind, _, rest = name.partition("_")
        place = 1 if kind == "W" else 0
        own, sign = gates[rest[place]]
        value = to_host(layer.params[f"{kind}_{rest[:place]}{own}{rest[place + 1 :]}"])
        twin.params[name] = np.multiply(value, sign)
    return twin
