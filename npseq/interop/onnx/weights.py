"""ONNX's W, R, B and P of one layer, and the parameters they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from npseq.backend import MaybeArray, to_host
from npseq.interop.strand import Place, Strand, gather, places, scatter
from npseq.layers.gru import GRUCell
from npseq.layers.lstm import LSTMCell
from npseq.layers.recurrent import Recurrent
from npseq.layers.rnn import RNNCell

GATES = {RNNCell: ("h",), GRUCell: ("z", "r", "n"), LSTMCell: ("i", "o", "f", "g")}
PEEPHOLES = ("i", "o", "f")


def weights_of(layer: Recurrent, number: int) -> dict[str, np.ndarray]:
    """W, R, and B and P where the layer has them, of one layer of a stack, all directions."""
    values = {name: to_host(array) for name, array in layer.params.items()}
    own = [_one_direction(layer, values, place) for place in places(layer) if place.number == number]
    return {name: np.stack([one[name] for one in own]) for name in own[0]}


def _one_direction(layer: Recurrent, values: Mapping[str, np.ndarray], place: Place) -> dict[str, np.ndarray]:
    strand = gather(layer, values, place.ending, GATES[type(layer.cell)])
    out = {"W": strand.W_x.T, "R": strand.W_h.T}
    if layer.bias:
        out["B"] = np.concatenate([strand.b_x, strand.b_h])
    if has_peepholes(layer):
        out["P"] = np.concatenate([values[f"p_{g}{place.ending}"] for g in PEEPHOLES])
    return out


def parameters_from(layer: Recurrent, W: np.ndarray, R: np.ndarray, B: MaybeArray, P: MaybeArray) -> dict:
    """npseq's names and values of a layer that is no stack: the reverse of `weights_of`."""
    parts: dict[str, np.ndarray] = {}
    for d, place in enumerate(places(layer)):
        biases = () if B is None else np.split(B[d], 2)
        parts |= scatter(layer, Strand(W[d].T, R[d].T, *biases), place.ending, GATES[type(layer.cell)])
        if P is not None:
            parts |= {f"p_{g}{place.ending}": p for g, p in zip(PEEPHOLES, np.split(P[d], 3), strict=True)}
    return parts


def has_peepholes(layer: Recurrent) -> bool:
    return isinstance(layer.cell, LSTMCell) and layer.cell.peepholes
