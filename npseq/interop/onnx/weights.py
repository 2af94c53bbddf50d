"""ONNX's W, R, B and P of one layer from npseq's parameters, and back."""

from collections.abc import Mapping

import numpy as np

from npseq.backend import Array, MaybeArray
from npseq.interop.packed import Packed, StrandIndex, has_peepholes, host_values, pack, strand_indices, unpack
from npseq.layers.gru import GRUCell
from npseq.layers.lstm import LSTMCell
from npseq.layers.recurrent import Recurrent
from npseq.layers.rnn import RNNCell

GATES = {RNNCell: ("h",), GRUCell: ("z", "r", "n"), LSTMCell: ("i", "o", "f", "g")}
OP_TYPES = {RNNCell: "RNN", GRUCell: "GRU", LSTMCell: "LSTM"}
PEEPHOLES = ("i", "o", "f")


def weights_of(layer: Recurrent, number: int, values: Mapping[str, Array] | None = None) -> dict[str, np.ndarray]:
    """W, R, and B and P where the layer has them, of one layer of a stack, all directions.

    values: None for the parameters; others are derivatives by them, those by b in both parts of B.
    """
    found = host_values(layer, values)
    directions = [_one_direction(layer, *found, index) for index in strand_indices(layer) if index.layer == number]
    return {name: np.stack([one[name] for one in directions]) for name in directions[0]}


def _one_direction(
    layer: Recurrent, values: Mapping[str, np.ndarray], derivatives: bool, index: StrandIndex
) -> dict[str, np.ndarray]:
    packed = pack(layer, values, index.ending, GATES[type(layer.cell)], derivatives)
    out = {"W": packed.W_x.T, "R": packed.W_h.T}
    if layer.bias:
        out["B"] = np.concatenate([packed.b_x, packed.b_h])
    if has_peepholes(layer):
        out["P"] = np.concatenate([values[f"p_{g}{index.ending}"] for g in PEEPHOLES])
    return out


def parameters_from(layer: Recurrent, W: np.ndarray, R: np.ndarray, B: MaybeArray, P: MaybeArray) -> dict[str, Array]:
    """npseq's names and values of a layer that is no stack: the reverse of `weights_of`."""
    values: dict[str, np.ndarray] = {}
    for d, index in enumerate(strand_indices(layer)):
        biases = () if B is None else np.split(B[d], 2)
        values |= unpack(layer, Packed(W[d].T, R[d].T, *biases), index.ending, GATES[type(layer.cell)])
        if P is not None:
            values |= {f"p_{g}{index.ending}": p for g, p in zip(PEEPHOLES, np.split(P[d], 3), strict=True)}
    return values
