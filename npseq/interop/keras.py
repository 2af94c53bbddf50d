"""Keras's weights, plain arrays in the order of `get_weights()`: Keras itself is neither needed nor imported.

    Keras layer                     weights                                      npseq, every matrix written (in, out)
    SimpleRNN, GRU, LSTM            kernel (D, G*H)                              W_x<gate>, a gate a block of columns
                                    recurrent_kernel (H, G*H)                    W_h<gate>
                                    bias (G*H,)                                  b_<gate>
    GRU(reset_after=True)           bias (2, 3*H)                                row 0 b_<gate>; row 1 b_hn
    Bidirectional(layer)            the forward layer's, the backward layer's    "_reverse" behind the name
    Dense                           kernel (in, out), bias (out,)                a Linear's W, b
    Embedding                       embeddings (N, dim)                          an Embedding's W

Gates: GRU z, r, n (Keras says z, r, h), LSTM i, f, g, o (Keras says i, f, c, o). A layer with num_layers=L is L Keras
layers one after the other, and its weights are theirs in one list, which is what a Sequential of them has.
Keras is batch-first: its x is (B, T, D). reset_after=True is GRU(reset="after"), its default and npseq's. In its bias
but for the candidate's the two rows only ever appear as their sum: `load` adds them, `export` writes (b, 0), and
derivatives into both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npseq.backend import Array, to_host
from npseq.interop.keras_layers import check_layers, keras_layers
from npseq.interop.strand import Place, Strand, gather, places, scatter
from npseq.layers.embedding import Embedding
from npseq.layers.gru import GRUCell
from npseq.layers.linear import Linear
from npseq.layers.lstm import LSTMCell
from npseq.layers.recurrent import Recurrent
from npseq.layers.rnn import RNNCell

_GATES = {RNNCell: ("h",), GRUCell: ("z", "r", "n"), LSTMCell: ("i", "f", "g", "o")}


def load(layer: Any, weights: Any) -> None:
    """Writes Keras's weights into layer.params, in place.

    layer: RNN, GRU, LSTM, Linear or Embedding. weights: the list of arrays that `get_weights()` gives; or the Keras
    layer itself, a list of Keras layers or a Sequential of them, whose settings (gates' functions, reset_after, bias,
    merge_mode, order of time) are then compared with the layer's too. Of arrays alone only the shapes can be: they do
    not tell GRU(reset_after=True) from False where there is no bias.
    Raises, before anything is written: ValueError where Keras has no form for the layer, where a setting, the number of
    arrays or a shape differs; TypeError where a dtype would lose precision.
    """
    wanted = export(layer)
    sources = keras_layers(weights)
    if sources is not None:
        check_layers(layer, sources)
        weights = [array for source in sources for array in source.get_weights()]
    given = [np.asarray(array) for array in _flat(weights)]
    _check_arrays(layer, given, wanted)
    parts = (
        _recurrent_parts(layer, given) if isinstance(layer, Recurrent) else dict(zip(layer.params, given, strict=True))
    )
    for name, value in parts.items():
        layer.params[name] = value


def export(layer: Any, values: Mapping[str, Array] | None = None) -> list[np.ndarray]:
    """The layer's parameters, or derivatives by them, for Keras's `set_weights`: new arrays on the host.

    values: None, or layer.params itself, for the parameters; any other mapping named and shaped as layer.params is
    taken for derivatives, say grads, which stand in both rows of a GRU's bias. Layer by layer of a stack, one list: a
    Sequential takes it whole, and each Keras layer its num_layers-th part.
    Raises ValueError where Keras has no form for the layer, or where values is not named and shaped as its params.
    """
    _check_form(layer)
    derivatives = values is not None and values is not layer.params
    arrays = {name: to_host(array) for name, array in (layer.params if values is None else values).items()}
    _check_values(arrays, layer.params)
    if isinstance(layer, Recurrent):
        out = [array for place in places(layer) for array in _strand(layer, arrays, place, derivatives)]
    else:
        out = [arrays[name] for name in layer.params]
    return [np.array(array, order="C") for array in out]


def _strand(layer: Recurrent, values: dict[str, np.ndarray], place: Place, derivatives: bool) -> list[np.ndarray]:
    strand = gather(layer, values, place.ending, _GATES[type(layer.cell)], derivatives)
    if not layer.bias:
        return [strand.W_x, strand.W_h]
    return [strand.W_x, strand.W_h, np.stack([strand.b_x, strand.b_h]) if _two_rows(layer) else strand.b_x]


def _recurrent_parts(layer: Recurrent, given: list[np.ndarray]) -> dict[str, np.ndarray]:
    """npseq's names and values from Keras's: the reverse of `_strand`."""
    parts: dict[str, np.ndarray] = {}
    size = 2 + layer.bias
    for k, place in enumerate(places(layer)):
        W_x, W_h, *bias = given[k * size : (k + 1) * size]
        biases = [row for b in bias for row in (b if _two_rows(layer) else [b])]
        parts |= scatter(layer, Strand(W_x, W_h, *biases), place.ending, _GATES[type(layer.cell)])
    return parts


def _two_rows(layer: Recurrent) -> bool:
    return isinstance(layer.cell, GRUCell) and layer.cell.reset == "after"


def _flat(weights: Any) -> list[Any]:
    """Arrays out of lists of arrays, and of lists of lists, one a Keras layer."""
    if not isinstance(weights, Sequence):
        raise TypeError(
            "weights must be the list that get_weights() gives, a Keras layer, or a list of either, "
            f"got {type(weights).__name__}"
        )
    return [a for w in weights for a in (_flat(w) if isinstance(w, (list, tuple)) else [w])]


def _check_form(layer: Any) -> None:
    """Raises unless Keras has this layer."""
    if isinstance(layer, (Linear, Embedding)):
        return
    if not isinstance(layer, Recurrent):
        raise TypeError(f"layer must be an RNN, GRU, LSTM, Linear or Embedding, got {type(layer).__name__}")
    if isinstance(layer.cell, LSTMCell) and layer.cell.peepholes:
        raise ValueError("Keras's LSTM has no peepholes, got peepholes=True; use LSTM(..., peepholes=False)")
    if layer.cell.projection == "W_hp":
        raise ValueError(
            f"Keras's LSTM has no projection, got proj_size={layer.state_size}; use LSTM(..., proj_size=0)"
        )


def _names(layer: Any) -> list[str]:
    """What each array of the list is, for the errors."""
    if not isinstance(layer, Recurrent):
        return ["kernel", "bias"][: len(layer.params)] if isinstance(layer, Linear) else ["embeddings"]
    kinds = ["kernel", "recurrent_kernel", "bias"][: 2 + layer.bias]
    return [
        f"{kind} of layer {place.number}{', backward' * place.reverse}" for place in places(layer) for kind in kinds
    ]


def _check_arrays(layer: Any, given: list[np.ndarray], wanted: list[np.ndarray]) -> None:
    names = _names(layer)
    if len(given) != len(wanted):
        raise ValueError(
            f"weights must hold {len(wanted)} arrays for this layer ({', '.join(names)}), got "
            f"{len(given)}; num_layers, bidirectional and bias must agree, and a Keras layer must have been built"
        )
    for k, (name, array, other) in enumerate(zip(names, given, wanted, strict=True)):
        if array.shape != other.shape:
            hint = "; reset_after and the layer's reset must agree" if {array.ndim, other.ndim} == {1, 2} else ""
            raise ValueError(
                f"weights[{k}], {name}, must have shape {other.shape} for this layer, got {array.shape}{hint}"
            )
        if not np.can_cast(array.dtype, layer.dtype, "safe"):
            raise TypeError(
                f"weights[{k}], {name}, is {array.dtype} but the layer is {layer.dtype}; "
                f"use layer.astype({array.dtype}), or cast the weights"
            )


def _check_values(values: Mapping[str, Array], params: Mapping[str, Array]) -> None:
    shapes, wanted = ({name: array.shape for name, array in m.items()} for m in (values, params))
    if shapes != wanted:
        wrong = [name for name in {**wanted, **shapes} if shapes.get(name) != wanted.get(name)]
        raise ValueError(
            f"values must have exactly the names and shapes of layer.params; "
            f"{wrong[0]!r} must be {wanted.get(wrong[0], 'absent')}, got {shapes.get(wrong[0], 'none')}"
        )
