"""A strand's weights as other libraries store them: the gates side by side, in an order of their own.

An order of gates is a tuple of npseq's names for them. Other libraries have a bias beside each of the two products.
Except for b_n and b_hn of a GRU with reset="after", the two only ever appear as their sum, and npseq has that sum.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import array, castable, mapping
from npseq.arrays import is_half
from npseq.backend import Array, MaybeArray, to_host
from npseq.bptt.layout import suffix
from npseq.layers.embedding import Embedding
from npseq.layers.gru import GRUCell
from npseq.layers.linear import Linear
from npseq.layers.lstm import LSTMCell
from npseq.layers.over_units import GRUOverUnitsCell, LSTMOverUnitsCell, RNNOverUnitsCell
from npseq.layers.recurrent import Recurrent
from npseq.layers.rnn import RNNCell

Gates = tuple[str, ...]
OVER_UNITS = RNNOverUnitsCell, GRUOverUnitsCell, LSTMOverUnitsCell


class Packed(NamedTuple):
    """G gates in another library's order; P state features, H hidden units."""

    W_x: Array  # (D, G*H)
    W_h: Array  # (P, G*H)
    b_x: MaybeArray = None  # (G*H,)
    b_h: MaybeArray = None  # (G*H,)


class StrandIndex(NamedTuple):
    """A strand's layer and direction, and the ending of its parameters' names."""

    layer: int
    reverse: bool
    ending: str


def strand_indices(layer: Recurrent) -> Iterator[StrandIndex]:
    """Every strand, layer by layer, forward before reverse."""
    for l in range(layer.num_layers):
        for d in range(layer.directions):
            yield StrandIndex(l, d == 1, suffix(l, d))


def pack(
    layer: Recurrent, values: Mapping[str, np.ndarray], ending: str, gates: Gates, derivatives: bool = False
) -> Packed:
    """Packs the strand whose names end so. Parameters become the biases (b, 0); derivatives by b are in both."""
    W_x, W_h = (np.concatenate([values[f"W_{source}{g}{ending}"] for g in gates], axis=1) for source in "xh")
    if not layer.bias:
        return Packed(W_x, W_h)
    b_x = [values[f"b_{g}{ending}"] for g in gates]
    hidden = b_x if derivatives else [np.zeros_like(b) for b in b_x]
    b_h = [values[f"b_h{g}{ending}"] if _two_biases(layer, g) else b for g, b in zip(gates, hidden, strict=True)]
    return Packed(W_x, W_h, np.concatenate(b_x), np.concatenate(b_h))


def unpack(layer: Recurrent, packed: Packed, ending: str, gates: Gates) -> dict[str, np.ndarray]:
    """npseq's names and values, the reverse of `pack`; a b_h of None is zero."""
    values: dict[str, Any] = {}
    for k, g in enumerate(gates):
        block = slice(k * layer.hidden_size, (k + 1) * layer.hidden_size)
        values[f"W_x{g}{ending}"], values[f"W_h{g}{ending}"] = packed.W_x[:, block], packed.W_h[:, block]
        if packed.b_x is None:
            continue
        b_x = packed.b_x[block]
        b_h = np.zeros_like(b_x) if packed.b_h is None else packed.b_h[block]
        if _two_biases(layer, g):
            values[f"b_{g}{ending}"], values[f"b_h{g}{ending}"] = b_x, b_h
        else:
            values[f"b_{g}{ending}"] = np.add(b_x, b_h, dtype=layer.dtype)  # a narrower sum would lose digits
    return values


def _two_biases(layer: Recurrent, gate: str) -> bool:
    return gate == "n" and isinstance(layer.cell, GRUCell) and layer.cell.reset == "after"


def has_peepholes(layer: Recurrent) -> bool:
    return isinstance(layer.cell, LSTMCell) and layer.cell.peepholes


def has_projection(layer: Recurrent) -> bool:
    return bool(layer.cell.projection == "W_hp")


def check_layer(layer: Any, library: str) -> None:
    """Raises TypeError or ValueError for a layer that neither PyTorch nor Keras has."""
    if isinstance(layer, Linear | Embedding):
        return
    if not isinstance(layer, Recurrent):
        raise TypeError(f"layer must be an RNN, GRU, LSTM, Linear or Embedding, got {type(layer).__name__}")
    check_known_cell(layer, library)
    if library != "Keras":
        refuse_activations(layer, library)
    if has_peepholes(layer):
        raise ValueError(f"{library}'s LSTM has no peepholes, got peepholes=True; use LSTM(..., peepholes=False)")


def refuse_activations(layer: Any, library: str) -> None:
    """Raises ValueError for activations that are not every library's."""
    if not isinstance(layer, Recurrent):
        return
    usual = {"nonlinearity": ("tanh", "relu"), "gate_activation": ("sigmoid",)}
    for option in getattr(layer.cell, "activated", ()):
        text, allowed = getattr(layer.cell, option), usual.get(option, ("tanh",))
        if text not in allowed:
            raise ValueError(f"{library}'s {option} is {' or '.join(allowed)}, got {text!r}")


def check_known_cell(layer: Recurrent, library: str) -> None:
    """Raises ValueError for a cell of the user's own, or of the gallery."""
    known = (RNNCell, GRUCell, LSTMCell, *(OVER_UNITS if library == "Keras" else ()))
    if type(layer.cell) not in known:
        raise ValueError(f"{library} has no {type(layer.cell).__name__}; give an RNN, a GRU or an LSTM")


def refuse_projection(layer: Any, library: str) -> None:
    if isinstance(layer, Recurrent) and has_projection(layer):
        raise ValueError(
            f"{library}'s LSTM has no projection, got proj_size={layer.state_size}; use LSTM(..., proj_size=0)"
        )


def host_values(layer: Any, values: Mapping[str, Array] | None) -> tuple[dict[str, np.ndarray], bool]:
    """The layer's parameters, or other values named and shaped so, on the host; and whether they are derivatives."""
    params = {name: to_host(one) for name, one in layer.params.items()}
    if values is None or values is layer.params:
        return params, False
    given = {name: to_host(array(f"values[{name!r}]", one)) for name, one in mapping("values", values).items()}
    shapes, wanted = ({name: one.shape for name, one in arrays.items()} for arrays in (given, params))
    if shapes != wanted:
        wrong = next(name for name in {**wanted, **shapes} if shapes.get(name) != wanted.get(name))
        raise ValueError(
            f"values must have exactly the names and shapes of layer.params; "
            f"{wrong!r} must be {wanted.get(wrong, 'absent')}, got {shapes.get(wrong, 'none')}"
        )
    return given, True


def check_dtype(name: str, array: np.ndarray, layer: Any, whole: str) -> None:
    """Raises TypeError where the array would lose precision in the layer; `whole` is what it is part of."""
    castable(name, array, layer.dtype, f"the {whole} cast to {layer.dtype}")


def host_array(name: str, value: Any) -> np.ndarray:
    """An array on the host; one of bfloat16, or of another type that NumPy has not, in float32, exactly."""
    return to_host(value.astype(np.float32) if is_half(value) else array(name, value))
