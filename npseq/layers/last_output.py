"""The vector that a recurrent layer leaves behind: its last layer's h after each sequence's last step."""

from typing import Any

import numpy as np

from npseq.arguments import array
from npseq.backend import Array, array_module
from npseq.layers.batch import check_array
from npseq.layers.bidirectional import Bidirectional, check_recurrent, state_pair
from npseq.layers.recurrent import Recurrent
from npseq.layers.reversed import Reversed
from npseq.layers.states import state_with


def last_output(layer: Recurrent | Reversed | Bidirectional, state: Any) -> Array:
    """Returns h_T of the last layer, (B, R*P); of two directions side by side, forward first.

    The reverse direction's is the one at the first step, where it ends. A sequence of length 0 has its initial state.

    Args:
        layer: any recurrent layer.
        state: the last state that its forward returned.

    Example:
        >>> layer = ns.GRU(2, 3, num_layers=2, rng=0)
        >>> y, state, tape = layer.forward(np.ones((5, 4, 2), np.float32))
        >>> np.array_equal(ns.layers.last_output(layer, state), y[-1])
        True
    """
    return _last_output(check_recurrent("layer", layer), "state", state)


def _last_output(layer: Any, name: str, state: Any) -> Array:
    if isinstance(layer, Bidirectional):
        halves = enumerate(zip(layer.layers.values(), state_pair(name, state), strict=True))
        return np.concatenate([_last_output(half, f"{name}[{k}]", part) for k, (half, part) in halves], axis=1)
    if isinstance(layer, Reversed):
        return _last_output(layer.layer, name, state)
    paired = len(layer.cell.state) > 1 and isinstance(state, tuple | list) and len(state) > 0
    h = array(f"{name}[0]" if paired else name, state[0] if paired else state)
    layer.checked_state(name, state, h.shape[1] if h.ndim == 3 else 0)
    return np.concatenate(list(h[-layer.directions :]), axis=1)


def last_output_gradient(layer: Recurrent | Reversed | Bidirectional, dlast: Array) -> Any:
    """Returns dstate for layer.backward: zero but for the last layer's h.

    Args:
        layer: any recurrent layer.
        dlast: (B, R*P), the loss's gradient by `last_output`.

    Example:
        >>> layer = ns.GRU(2, 3, num_layers=2, rng=0)
        >>> ns.layers.last_output_gradient(layer, np.ones((4, 3), np.float32))[:, 0, 0]
        array([0., 1.], dtype=float32)
    """
    check_recurrent("layer", layer)
    batch = len(dlast) if array("dlast", dlast).ndim == 2 else 0
    dlast = check_array("dlast", dlast, (batch, layer.output_size), layer.dtype, array_module(layer.params.flat))
    if isinstance(layer, Bidirectional):
        cut = layer.layers["forward"].output_size
        halves = zip(layer.layers.values(), (dlast[:, :cut], dlast[:, cut:]), strict=True)
        return tuple(last_output_gradient(half, d) for half, d in halves)
    if isinstance(layer, Reversed):
        return last_output_gradient(layer.layer, dlast)
    size = layer.state_size
    dh = np.zeros_like(dlast, shape=(layer.num_layers * layer.directions, batch, size))
    dh[-layer.directions :] = dlast.reshape(batch, layer.directions, size).swapaxes(0, 1)
    return state_with(layer.cell, dh)
