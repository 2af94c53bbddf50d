"""PyTorch's names and layout for the same numbers, as plain arrays: torch itself is neither needed nor imported.

    PyTorch, layer l             shape      npseq (written (in, out), so each is a transpose)
    weight_ih_l<l>               (G*H, .)   W_x<gate>, a gate a block of rows: LSTM i, f, g, o; GRU r, z, n
    weight_hh_l<l>               (G*H, P)   W_h<gate>
    bias_ih_l<l>, bias_hh_l<l>   (G*H,)     b_<gate>; a GRU's candidate has one on each side, b_n and b_hn
    weight_hr_l<l>               (P, H)     W_hp, the LSTM's projection
    weight, bias                 (out, in)  a Linear's W, b
    weight                       (N, dim)   an Embedding's W, the one matrix that is not transposed

and "_reverse" behind all names of the reverse direction; a cell, say LSTMCell, has the names without _l0. Except for
b_n and b_hn, PyTorch's two biases only ever appear as their sum b = b_ih + b_hh, and npseq has that sum. So `load` adds
them; `export` writes parameters as b_ih = b, b_hh = 0, and derivatives twice, since dL/db_ih = dL/db_hh = dL/db.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from npseq.arguments import mapping
from npseq.arrays import LACKING, refusal
from npseq.backend import Array, array_module
from npseq.interop.packed import (
    Packed,
    StrandIndex,
    check_dtype,
    check_layer,
    has_projection,
    host_array,
    host_values,
    pack,
    strand_indices,
    unpack,
)
from npseq.layers.embedding import Embedding
from npseq.layers.gru import GRUCell
from npseq.layers.linear import Linear
from npseq.layers.lstm import LSTMCell
from npseq.layers.recurrent import Recurrent
from npseq.layers.rnn import RNNCell

__all__ = ["export", "load", "module"]

_GATES = {RNNCell: ("h",), GRUCell: ("r", "z", "n"), LSTMCell: ("i", "f", "g", "o")}
_PLAIN = {"W": "weight", "b": "bias"}
_PLAIN_BACK = {"weight": "W", "bias": "b"}


def module(layer: Any) -> Any:
    """Returns a torch.nn.Module whose forward and backward passes are the layer's, for use in a model of PyTorch.

    Its parameters are named as the layer's and lie in the same memory, so that PyTorch's optimizers train both. It has
    no second derivatives. This function alone needs PyTorch.

    Args:
        layer: an RNN, GRU, LSTM, another Recurrent, a Linear or an Embedding, on the CPU.

    Returns:
        The module: module(x, state=None, lengths=None) -> (y, state) of a recurrent layer, module(x) -> y of another,
        all tensors in npseq's shapes.

    Raises:
        ImportError: without PyTorch.
        TypeError: for anything else.

    Example:
        >>> core = ns.interop.torch.module(ns.LSTM(3, 4, rng=0))  # doctest: +SKIP
        >>> y, (h, c) = core(torch.zeros(5, 2, 3))  # doctest: +SKIP
    """
    try:
        from npseq.interop.torch_module import LayerModule
    except ImportError as error:
        raise ImportError("interop.torch.module needs PyTorch, which is not installed; pip install torch") from error
    return LayerModule(layer)


def load(layer: Any, state_dict: Mapping[str, Any]) -> None:
    """Writes a PyTorch state_dict into layer.params, in place; if it raises, nothing is written.

    Args:
        layer: an RNN, GRU, LSTM, Linear or Embedding.
        state_dict: {PyTorch's name: array or tensor} of that module alone: strip the prefix of a larger model's first.
            An RNNCell's, a GRUCell's and an LSTMCell's fit a layer of num_layers=1. Numbers of bfloat16 become float32.
            An Embedding's row padding_idx is taken as it is.

    Raises:
        TypeError: if a dtype would lose precision, or layer is something else.
        ValueError: if PyTorch has no such layer, a name is missing or unknown, or a shape differs.

    Example:
        >>> layer, other = ns.GRU(3, 5, rng=0), ns.GRU(3, 5, rng=1)
        >>> ns.interop.torch.load(layer, ns.interop.torch.export(other))
        >>> bool((layer.params.flat == other.params.flat).all())
        True
    """
    wanted = export(layer)
    given = {name: _numbers(f"state_dict[{name!r}]", one) for name, one in mapping("state_dict", state_dict).items()}
    of_a_cell = "weight_hh" in given
    _check_same(given, {name.removesuffix("_l0"): one for name, one in wanted.items()} if of_a_cell else wanted)
    for name, array in given.items():
        check_dtype(f"state_dict[{name!r}]", array, layer, "state_dict")
    if of_a_cell:
        given = {f"{name}_l0": array for name, array in given.items()}
    xp = array_module(layer.params.flat)
    values = _recurrent_values(layer, given) if isinstance(layer, Recurrent) else _plain(layer, given, _PLAIN_BACK)
    for name, value in values.items():
        layer.params[name] = xp.asarray(value)


def export(layer: Any, values: Mapping[str, Array] | None = None) -> dict[str, np.ndarray]:
    """Returns the layer's parameters, or derivatives by them, under PyTorch's names and layout: new arrays on the host.

    Args:
        layer: an RNN, GRU, LSTM, Linear or Embedding.
        values: None, or layer.params itself, for the parameters, whose biases become (b, 0). Any other mapping named
            and shaped as layer.params is taken for derivatives, say grads, which are written to both biases. Other
            parameters, say averaged ones, are exported from a layer that has them: export(layer.bind(flat)).

    Raises:
        TypeError: if layer is something else, or values is not a mapping.
        ValueError: if PyTorch has no such layer, or values is not named and shaped as its params.

    Example:
        >>> {name: array.shape for name, array in ns.interop.torch.export(ns.LSTM(3, 5, rng=0)).items()}
        {'weight_ih_l0': (20, 3), 'weight_hh_l0': (20, 5), 'bias_ih_l0': (20,), 'bias_hh_l0': (20,)}
    """
    check_layer(layer, "PyTorch")
    if isinstance(layer, Recurrent) and isinstance(layer.cell, GRUCell) and layer.cell.reset == "before":
        raise ValueError(
            "PyTorch's GRU has its reset gate after the product W_hn, got reset='before'; use GRU(..., reset='after')"
        )
    arrays, derivatives = host_values(layer, values)
    if isinstance(layer, Recurrent):
        strands = [_strand(layer, arrays, index, derivatives) for index in strand_indices(layer)]
        out = {name: array for strand in strands for name, array in strand.items()}
    else:
        out = _plain(layer, arrays, _PLAIN)
    return {name: np.array(array, order="C") for name, array in out.items()}


def _strand(layer: Recurrent, values: dict[str, Any], index: StrandIndex, derivatives: bool) -> dict[str, np.ndarray]:
    """In the order of PyTorch's state_dict."""
    packed = pack(layer, values, index.ending, _GATES[type(layer.cell)], derivatives)
    out = {"weight_ih": packed.W_x.T, "weight_hh": packed.W_h.T}
    if layer.bias:
        out |= {"bias_ih": packed.b_x, "bias_hh": packed.b_h}
    if has_projection(layer):
        out["weight_hr"] = values[f"W_hp{index.ending}"].T
    return {name + _ending(index): array for name, array in out.items()}


def _recurrent_values(layer: Recurrent, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """npseq's names and values from PyTorch's: the reverse of `_strand`."""
    values: dict[str, np.ndarray] = {}
    for index in strand_indices(layer):
        end = _ending(index)
        biases = [given.get(name + end) for name in ("bias_ih", "bias_hh")]
        packed = Packed(given[f"weight_ih{end}"].T, given[f"weight_hh{end}"].T, *biases)
        values |= unpack(layer, packed, index.ending, _GATES[type(layer.cell)])
        if has_projection(layer):
            values[f"W_hp{index.ending}"] = given[f"weight_hr{end}"].T
    return values


def _plain(layer: Linear | Embedding, arrays: Mapping[str, np.ndarray], names: dict[str, str]) -> dict[str, np.ndarray]:
    """The other library's names and values, either way, for a layer of one matrix."""
    transposed = isinstance(layer, Linear)
    return {names[name]: array.T if transposed else array for name, array in arrays.items()}


def _ending(index: StrandIndex) -> str:
    return f"_l{index.layer}" + ("_reverse" if index.reverse else "")


def _numbers(name: str, value: Any) -> np.ndarray:
    """The numbers of an array or a tensor, on the host, those of bfloat16 as float32."""
    if not hasattr(value, "detach"):
        return host_array(name, value)
    try:
        numbers: np.ndarray = (value.float() if str(value.dtype).startswith(LACKING) else value).numpy(force=True)
        return numbers
    except (TypeError, RuntimeError) as error:  # a sparse or quantized one
        raise TypeError(refusal(name, value)) from error


def _check_same(given: Mapping[str, Array], wanted: Mapping[str, Array]) -> None:
    """Raises unless both have the same names and shapes."""
    missing, extra = [n for n in wanted if n not in given], [n for n in given if n not in wanted]
    if missing or extra:
        raise ValueError(
            f"state_dict must have exactly the names of this layer; missing: {', '.join(missing) or 'none'}; "
            f"not the layer's: {', '.join(map(str, extra)) or 'none'}; "
            "num_layers, bidirectional, bias and proj_size must agree, and names carry no prefix"
        )
    for name, array in wanted.items():
        if given[name].shape != array.shape:
            raise ValueError(
                f"state_dict[{name!r}] must have shape {array.shape} for this layer, got {given[name].shape}"
            )
