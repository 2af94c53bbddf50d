"""PyTorch's names and layout for the same numbers, as plain arrays: torch itself is neither needed nor imported.

    PyTorch, layer l             shape      npseq (written (in, out), so each is a transpose)
    weight_ih_l<l>               (G*H, .)   W_x<gate>, a gate a block of rows: LSTM i, f, g, o; GRU r, z, n
    weight_hh_l<l>               (G*H, P)   W_h<gate>
    bias_ih_l<l>, bias_hh_l<l>   (G*H,)     b_<gate>; a GRU's candidate has one on each side, b_n and b_hn
    weight_hr_l<l>               (P, H)     W_hp, the LSTM's projection
    weight, bias                 (out, in)  a Linear's W, b
    weight                       (N, dim)   an Embedding's W, the one matrix that is not transposed

and "_reverse" behind all names of the reverse direction. But for b_n and b_hn, PyTorch's two biases only ever appear
as their sum b = b_ih + b_hh, and npseq has that one. So `load` adds them; `export` writes parameters as b_ih = b,
b_hh = 0, and derivatives twice, since dL/db_ih = dL/db_hh = dL/db.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from npseq.arguments import mapping
from npseq.backend import Array, array_module, to_host
from npseq.interop.strand import Place, Strand, gather, places, scatter
from npseq.layers.embedding import Embedding
from npseq.layers.gru import GRUCell
from npseq.layers.linear import Linear
from npseq.layers.lstm import LSTMCell
from npseq.layers.recurrent import Recurrent
from npseq.layers.rnn import RNNCell

_GATES = {RNNCell: ("h",), GRUCell: ("r", "z", "n"), LSTMCell: ("i", "f", "g", "o")}
_PLAIN = {"W": "weight", "b": "bias"}
_PLAIN_BACK = {"weight": "W", "bias": "b"}


def load(layer: Any, state_dict: Mapping[str, Any]) -> None:
    """Writes a PyTorch state_dict into layer.params, in place.

    layer: RNN, GRU, LSTM, Linear or Embedding. state_dict: {PyTorch's name: array or tensor} of that module alone:
    strip the prefix of a larger model's first. An Embedding's row padding_idx is whatever state_dict says.
    Raises, before anything is written: ValueError where PyTorch has no form for the layer, where a name is missing or
    not the layer's, and where a shape differs; TypeError where a dtype would lose precision.
    """
    wanted = export(layer)
    given = {name: _as_array(value) for name, value in mapping("state_dict", state_dict).items()}
    _check_same("state_dict", given, wanted)
    _check_dtypes(given, layer.params)
    xp = array_module(layer.params.flat)
    parts = _recurrent_parts(layer, given) if isinstance(layer, Recurrent) else _plain(layer, given, _PLAIN_BACK)
    for name, value in parts.items():
        layer.params[name] = xp.asarray(value)


def export(layer: Any, values: Mapping[str, Array] | None = None) -> dict[str, np.ndarray]:
    """The layer's parameters, or derivatives by them, under PyTorch's names and layout: new arrays on the host.

    values: None, or layer.params itself, for the parameters, whose biases become (b, 0); any other mapping named and
    shaped as layer.params is taken for derivatives, say grads, which stand in both biases. Other parameters, say
    averaged ones, are exported from a layer that has them: export(layer.bind(flat)).
    Raises ValueError where PyTorch has no form for the layer, or where values is not named and shaped as its params.
    """
    _check_form(layer)
    derivatives = values is not None and values is not layer.params
    params = {name: to_host(array) for name, array in layer.params.items()}
    arrays = params if values is None else {name: to_host(array) for name, array in mapping("values", values).items()}
    _check_same("values", arrays, params)
    if not isinstance(layer, Recurrent):
        out = _plain(layer, arrays, _PLAIN)
    else:
        out = {}
        for place in places(layer):
            out |= _strand(layer, arrays, place, derivatives)
    return {name: np.array(array, order="C") for name, array in out.items()}


def _strand(layer: Recurrent, values: dict, place: Place, derivatives: bool) -> dict[str, np.ndarray]:
    """One layer in one direction, in the order of PyTorch's own state_dict."""
    strand = gather(layer, values, place.ending, _GATES[type(layer.cell)], derivatives)
    out = {"weight_ih": strand.W_x.T, "weight_hh": strand.W_h.T}
    if layer.bias:
        out |= {"bias_ih": strand.b_x, "bias_hh": strand.b_h}
    if layer.cell.projection == "W_hp":
        out["weight_hr"] = values[f"W_hp{place.ending}"].T
    return {name + _ending(place): array for name, array in out.items()}


def _recurrent_parts(layer: Recurrent, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """npseq's names and values from PyTorch's: the reverse of `_strand`."""
    parts: dict[str, np.ndarray] = {}
    for place in places(layer):
        end = _ending(place)
        biases = [given.get(name + end) for name in ("bias_ih", "bias_hh")]
        strand = Strand(given[f"weight_ih{end}"].T, given[f"weight_hh{end}"].T, *biases)
        parts |= scatter(layer, strand, place.ending, _GATES[type(layer.cell)])
        if layer.cell.projection == "W_hp":
            parts[f"W_hp{place.ending}"] = given[f"weight_hr{end}"].T
    return parts


def _plain(layer: Linear | Embedding, arrays: Mapping[str, np.ndarray], names: dict[str, str]) -> dict[str, np.ndarray]:
    """The other side's names and values, either way round, for a layer that holds one matrix."""
    transposed = isinstance(layer, Linear)
    return {names[name]: array.T if transposed else array for name, array in arrays.items()}


def _ending(place: Place) -> str:
    return f"_l{place.number}" + ("_reverse" if place.reverse else "")


def _as_array(value: Any) -> np.ndarray:
    return np.asarray(value.detach() if hasattr(value, "detach") else value)


def _check_form(layer: Any) -> None:
    """Raises unless PyTorch has this layer."""
    if isinstance(layer, (Linear, Embedding)):
        return
    if not isinstance(layer, Recurrent):
        raise TypeError(f"layer must be an RNN, GRU, LSTM, Linear or Embedding, got {type(layer).__name__}")
    if isinstance(layer.cell, GRUCell) and layer.cell.reset == "before":
        raise ValueError(
            "PyTorch's GRU has its reset gate after the product W_hn, got reset='before'; use GRU(..., reset='after')"
        )
    if isinstance(layer.cell, LSTMCell) and layer.cell.peepholes:
        raise ValueError("PyTorch's LSTM has no peepholes, got peepholes=True; use LSTM(..., peepholes=False)")


def _check_same(what: str, given: Mapping[str, Array], wanted: Mapping[str, Array]) -> None:
    """Raises unless both have the same names and shapes."""
    missing, extra = [n for n in wanted if n not in given], [n for n in given if n not in wanted]
    if missing or extra:
        raise ValueError(
            f"{what} must have exactly the names of this layer; missing: {', '.join(missing) or 'none'}; "
            f"not the layer's: {', '.join(map(str, extra)) or 'none'}; "
            "num_layers, bidirectional, bias and proj_size must agree, and names carry no prefix"
        )
    for name, array in wanted.items():
        if given[name].shape != array.shape:
            raise ValueError(f"{what}[{name!r}] must have shape {array.shape} for this layer, got {given[name].shape}")


def _check_dtypes(given: Mapping[str, Array], params: Any) -> None:
    dtype = params.flat.dtype
    for name, array in given.items():
        if not np.can_cast(array.dtype, dtype, "safe"):
            raise TypeError(
                f"state_dict[{name!r}] is {array.dtype} but the layer is {dtype}; "
                f"use layer.astype({array.dtype}), or cast the state_dict"
            )
