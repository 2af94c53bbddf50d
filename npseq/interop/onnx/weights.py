"""ONNX's W, R, B and P of one layer from npseq's parameters, and back."""

from collections.abc import Mapping

import numpy as np

from npseq.backend import Array
from npseq.gallery.input_forget_lstm import InputForgetLSTMCell
from npseq.interop.packed import Packed, StrandIndex, host_values, pack, strand_indices, unpack
from npseq.layers.gru import GRUCell
from npseq.layers.lstm import LSTMCell
from npseq.layers.recurrent import Recurrent
from npseq.layers.rnn import RNNCell

GATES = {
    RNNCell: ("h",),
    GRUCell: ("z", "r", "n"),
    LSTMCell: ("i", "o", "f", "g"),
    InputForgetLSTMCell: ("i", "o", "g"),  # ONNX's has an f too, which nothing reads
}
OP_TYPES = {RNNCell: "RNN", GRUCell: "GRU", LSTMCell: "LSTM", InputForgetLSTMCell: "LSTM"}
PEEPHOLES = {LSTMCell: ("i", "o", "f"), InputForgetLSTMCell: ("i", "o")}


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
    if layer.cell.vectors:
        out["P"] = np.concatenate([values[f"p_{g}{index.ending}"] for g in PEEPHOLES[type(layer.cell)]])
    return {name: _with_f(name, value) for name, value in out.items()} if _has_no_f(layer) else out


def parameters_from(
    layer: Recurrent, given: Mapping[str, np.ndarray], directions: slice = slice(None)
) -> dict[str, Array]:
    """npseq's names and values of a layer that is no stack, from W, R, B and P: the reverse of `weights_of`.

    directions: those of the arrays that are the layer's.
    """
    values: dict[str, np.ndarray] = {}
    arrays = {name: given[name][directions] for name in ("W", "R", "B", "P") if name in given}
    for d, index in enumerate(strand_indices(layer)):
        one = {name: array[d] for name, array in arrays.items()}
        if _has_no_f(layer):
            one = {name: _without_f(name, array) for name, array in one.items()}
        biases = np.split(one["B"], 2) if "B" in one else ()
        gates = GATES[type(layer.cell)]
        values |= unpack(layer, Packed(one["W"].T, one["R"].T, *biases), index.ending, gates)
        if "P" in one:
            names = PEEPHOLES[type(layer.cell)]
            parts = np.split(one["P"], len(names))
            values |= {f"p_{g}{index.ending}": p for g, p in zip(names, parts, strict=True)}
    return values


def _has_no_f(layer: Recurrent) -> bool:
    return isinstance(layer.cell, InputForgetLSTMCell)


def _without_f(name: str, array: np.ndarray) -> np.ndarray:
    """The blocks i, o and g of i, o, f and g; of B twice, of P i and o."""
    if name == "P":
        return array[: len(array) // 3 * 2]
    times = 2 if name == "B" else 1
    blocks = array.reshape(times, 4, -1, *array.shape[1:])
    return np.delete(blocks, 2, axis=1).reshape(len(array) // 4 * 3, *array.shape[1:])


def _with_f(name: str, array: np.ndarray) -> np.ndarray:
    """The reverse of `_without_f`, with zeros for f."""
    if name == "P":
        return np.concatenate([array, np.zeros_like(array[: len(array) // 2])])
    times = 2 if name == "B" else 1
    blocks = array.reshape(times, 3, -1, *array.shape[1:])
    return np.insert(blocks, 2, 0, axis=1).reshape(len(array) // 3 * 4, *array.shape[1:])
