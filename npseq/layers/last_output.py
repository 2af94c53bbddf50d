"""The vector that a recurrent layer leaves behind: its last layer's h after each sequence's last step, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from npseq.backend import Array
from npseq.layers import Bidirectional
from npseq.layers.recurrent import Recurrent


def last_output(layer: Recurrent | Bidirectional, state: Any) -> Array:
    """h_T of the last layer, (B, R*P), from the state that forward returned; directions side by side, forward first.

    The reverse direction's is the one at the first step, where it ends. A sequence of length 0 has its initial state.
    """
    if isinstance(layer, Bidirectional):
        halves = [last_output(layer.layers[name], part) for name, part in _named(state)]
        return np.concatenate(halves, axis=1)
    h = state[0] if isinstance(state, tuple) else state
    return np.concatenate(list(h[-layer.directions :]), axis=1)


def last_output_gradient(layer: Recurrent | Bidirectional, dlast: Array) -> Any:
    """dstate for layer.backward from the gradient (B, R*P) by `last_output`: zero but for the last layer's h."""
    if isinstance(layer, Bidirectional):
        cut = layer.layers["forward"].output_size
        halves = zip(layer.layers.values(), (dlast[:, :cut], dlast[:, cut:]), strict=True)
        return tuple(last_output_gradient(half, d) for half, d in halves)
    batch, size = dlast.shape[0], layer.state_size
    dh = np.zeros_like(dlast, shape=(layer.num_layers * layer.directions, batch, size))
    dh[-layer.directions :] = dlast.reshape(batch, layer.directions, size).swapaxes(0, 1)
    return (dh, None) if "c" in layer.cell.state else dh


def _named(state: Any) -> zip:
    return zip(("forward", "backward"), state, strict=True)
