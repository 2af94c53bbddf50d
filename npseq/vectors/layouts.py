"""Weights, or derivatives by them, as other libraries lay them out, each array under a name.

    layout   names                                          what
    npseq    W_xf, W_hf, b_f, ..._l1_reverse                layer.params
    torch    weight_ih_l0, ..., bias_hh_l1_reverse          the state_dict
    keras    kernel_l0, recurrent_kernel_l0, bias_l0, ...   get_weights(), layer by layer; "_reverse" behind some
    onnx     W_l0, R_l0, B_l0, P_l0                         the inputs of an operator for each layer
    cudnn    w                                              one vector: W and R of every layer and direction, row by
                                                            row, then bW and bR of every one; gates i, f, g, o and
                                                            r, z, n

Except for cuDNN, npseq.interop makes them. Two biases that are only added are (b, 0), their derivatives equal.
"""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from npseq.backend import Array
from npseq.interop import keras, torch
from npseq.interop.onnx.weights import weights_of
from npseq.interop.packed import host_values, refuse_projection, strand_indices
from npseq.layers.recurrent import Recurrent

Values = Mapping[str, Array] | None  # None is the parameters
Arrays = dict[str, np.ndarray]


def _npseq(layer: Recurrent, values: Values) -> Arrays:
    return dict(host_values(layer, values)[0])


def _keras(layer: Recurrent, values: Values) -> Arrays:
    kinds = ("kernel", "recurrent_kernel", "bias")[: 2 + layer.bias]
    endings = [f"_l{index.layer}" + "_reverse" * index.reverse for index in strand_indices(layer)]
    names = [kind + ending for ending in endings for kind in kinds]
    return dict(zip(names, keras.export(layer, values), strict=True))


def _onnx(layer: Recurrent, values: Values) -> Arrays:
    refuse_projection(layer, "ONNX")
    layers = [weights_of(layer, number, values) for number in range(layer.num_layers)]
    return {f"{name}_l{number}": array for number, arrays in enumerate(layers) for name, array in arrays.items()}


def _cudnn(layer: Recurrent, values: Values) -> Arrays:
    refuse_projection(layer, "This layout")
    arrays = torch.export(layer, values)
    parts = [array for kind in ("weight", "bias") for name, array in arrays.items() if name.startswith(kind)]
    return {"w": np.concatenate([part.ravel() for part in parts])}


LAYOUTS: dict[str, Callable[[Recurrent, Values], Arrays]] = {
    "npseq": _npseq,
    "torch": torch.export,
    "keras": _keras,
    "onnx": _onnx,
    "cudnn": _cudnn,
}


def layouts_of(layer: Recurrent) -> dict[str, Callable[[Values], Arrays]]:
    """Returns, for each layout that can have the layer, what lays out its parameters (None) or derivatives by them."""
    return {name: partial(lay, layer) for name, lay in LAYOUTS.items() if _has(lay, layer)}


def from_layout(layer: Recurrent, values: Mapping[str, np.ndarray], layout: str) -> Arrays:
    """Returns derivatives under npseq's names, those that the arrays of a layout, all or some, hold whole."""
    places, size = {}, 0
    for name, one in layer.params.items():
        places[name] = np.arange(size, size + one.size, dtype=np.float64).reshape(one.shape)
        size += one.size
    flat, known = np.zeros(size), np.zeros(size, bool)
    for name, place in LAYOUTS[layout](layer, places).items():  # the layout's numbers say where each comes from
        if name in values:
            flat[place.astype(int)], known[place.astype(int)] = values[name], True
    return {name: flat[at.astype(int)] for name, at in places.items() if known[at.astype(int)].all()}


def _has(lay: Callable[[Recurrent, Values], Arrays], layer: Recurrent) -> bool:
    try:
        lay(layer, None)
    except ValueError:  # the library has no such layer
        return False
    return True
