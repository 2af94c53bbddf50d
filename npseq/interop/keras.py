"""Keras's weights, plain arrays in the order of `get_weights()`: Keras itself is neither needed nor imported.

    Keras layer                     weights                                      npseq, every matrix written (in, out)
    SimpleRNN, GRU, LSTM            kernel (D, G*H)                              W_x<gate>, a gate a block of columns
                                    recurrent_kernel (H, G*H)                    W_h<gate>
                                    bias (G*H,)                                  b_<gate>
    GRU(reset_after=True)           bias (2, 3*H)                                row 0 b_<gate>; row 1 b_hn
    Bidirectional(layer)            the forward layer's, the backward layer's    "_reverse" behind the name
    Dense                           kernel (in, out), bias (out,)                a Linear's W, b
    Embedding                       embeddings (N, dim)                          an Embedding's W

Gates: GRU z, r, n (Keras writes z, r, h), LSTM i, f, g, o (Keras writes i, f, c, o). A layer with num_layers=L is L
Keras layers one after the other, and its weights are theirs in one list, as a Sequential of them has it.
Keras is batch-first: its x is (B, T, D). reset_after=True is GRU(reset="after"), its default and npseq's. In its bias,
except for the candidate's, the two rows only ever appear as their sum: `load` adds them, `export` writes (b, 0), and
derivatives into both.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npseq.backend import Array
from npseq.interop.keras_activations import wanted_activations
from npseq.interop.keras_layers import check_layers, class_of, keras_layers
from npseq.interop.packed import (
    Packed,
    StrandIndex,
    check_dtype,
    check_layer,
    host_array,
    host_values,
    pack,
    refuse_projection,
    strand_indices,
    unpack,
)
from npseq.layers.gru import GRUCell
from npseq.layers.linear import Linear
from npseq.layers.lstm import LSTMCell
from npseq.layers.recurrent import Recurrent
from npseq.layers.rnn import RNNCell

__all__ = ["export", "load"]

_GATES = {RNNCell: ("h",), GRUCell: ("z", "r", "n"), LSTMCell: ("i", "f", "g", "o")}


def load(layer: Any, weights: Any) -> None:
    """Writes Keras's weights into layer.params, in place; if it raises, nothing is written.

    Args:
        layer: an RNN, GRU, LSTM, Linear or Embedding.
        weights: the list of arrays that `get_weights()` returns; or the Keras layer itself, a list of Keras layers or a
            Sequential of them, whose settings (gates' functions, reset_after, bias, merge_mode, order of time) are then
            compared with the layer's too. Of arrays only the shapes can be compared: they do not tell
            GRU(reset_after=True) from False where there is no bias.

    Raises:
        TypeError: if a dtype would lose precision, or layer or weights is something else.
        ValueError: if Keras has no such layer, or a setting, the number of arrays or a shape differs.

    Example:
        >>> layer, other = ns.GRU(3, 5, rng=0), ns.GRU(3, 5, rng=1)
        >>> ns.interop.keras.load(layer, ns.interop.keras.export(other))
        >>> bool((layer.params.flat == other.params.flat).all())
        True
    """
    wanted = export(layer)
    sources = keras_layers(weights)
    if sources is not None:
        check_layers(layer, sources)
        weights = [array for source in sources for array in source.get_weights()]
    given = [host_array(f"weights[{k}]", one) for k, one in enumerate(_flat(weights))]
    _check_arrays(layer, given, wanted)
    recurrent = isinstance(layer, Recurrent)
    values = _recurrent_values(layer, given) if recurrent else dict(zip(layer.params, given, strict=True))
    for name, value in values.items():
        layer.params[name] = value


def export(layer: Any, values: Mapping[str, Array] | None = None) -> list[np.ndarray]:
    """Returns the layer's parameters, or derivatives by them, for Keras's `set_weights`: new arrays on the host.

    A stack is one list, layer by layer: a Sequential takes it whole, and each Keras layer its num_layers-th part.

    Args:
        layer: an RNN, GRU, LSTM, Linear or Embedding.
        values: None, or layer.params itself, for the parameters. Any other mapping named and shaped as layer.params is
            taken for derivatives, say grads, which are written to both rows of a GRU's bias.

    Raises:
        TypeError: if layer is something else, or values is not a mapping.
        ValueError: if Keras has no such layer, or values is not named and shaped as its params.

    Example:
        >>> [array.shape for array in ns.interop.keras.export(ns.GRU(3, 5, rng=0))]
        [(3, 15), (5, 15), (2, 15)]
    """
    check_layer(layer, "Keras")
    refuse_projection(layer, "Keras")
    if isinstance(layer, Recurrent):
        wanted_activations(layer.cell, class_of(layer.cell))
    arrays, derivatives = host_values(layer, values)
    if isinstance(layer, Recurrent):
        out = [array for index in strand_indices(layer) for array in _strand(layer, arrays, index, derivatives)]
    else:
        out = [arrays[name] for name in layer.params]
    return [np.array(array, order="C") for array in out]


def _strand(layer: Recurrent, values: dict[str, np.ndarray], index: StrandIndex, derivatives: bool) -> list[np.ndarray]:
    packed = pack(layer, values, index.ending, _gates(layer), derivatives)
    if not layer.bias:
        return [packed.W_x, packed.W_h]
    return [packed.W_x, packed.W_h, np.stack([packed.b_x, packed.b_h]) if _two_rows(layer) else packed.b_x]


def _recurrent_values(layer: Recurrent, given: list[np.ndarray]) -> dict[str, np.ndarray]:
    """npseq's names and values from Keras's: the reverse of `_strand`."""
    values: dict[str, np.ndarray] = {}
    size = 2 + layer.bias
    for k, index in enumerate(strand_indices(layer)):
        W_x, W_h, *bias = given[k * size : (k + 1) * size]
        biases = [row for b in bias for row in (b if _two_rows(layer) else [b])]
        values |= unpack(layer, Packed(W_x, W_h, *biases), index.ending, _gates(layer))
    return values


def _gates(layer: Recurrent) -> tuple[str, ...]:
    return next(gates for kind, gates in _GATES.items() if isinstance(layer.cell, kind))


def _two_rows(layer: Recurrent) -> bool:
    return isinstance(layer.cell, GRUCell) and layer.cell.reset == "after"


def _flat(weights: Any) -> list[Any]:
    """Arrays out of lists of arrays, and of lists of lists, one a Keras layer."""
    if not isinstance(weights, Sequence) or _has_numbers(weights):
        raise TypeError(
            "weights must be the list that get_weights() gives, a Keras layer, or a list of either, "
            f"got {type(weights).__name__}{' of numbers' if isinstance(weights, Sequence) else ''}"
        )
    return [a for w in weights for a in (_flat(w) if isinstance(w, list | tuple) and not _has_numbers(w) else [w])]


def _has_numbers(given: Sequence[Any]) -> bool:
    """Whether these are the numbers of one array, and no arrays."""
    return any(isinstance(one, int | float) for one in given)


def _names(layer: Any) -> list[str]:
    """The name of each array of the list, for the errors."""
    if not isinstance(layer, Recurrent):
        return ["kernel", "bias"][: len(layer.params)] if isinstance(layer, Linear) else ["embeddings"]
    kinds = ["kernel", "recurrent_kernel", "bias"][: 2 + layer.bias]
    indices = list(strand_indices(layer))
    return [f"{kind} of layer {index.layer}{', backward' * index.reverse}" for index in indices for kind in kinds]


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
        check_dtype(f"weights[{k}], {name},", array, layer, "weights")
