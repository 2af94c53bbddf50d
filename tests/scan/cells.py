"""Every cell there is, in a layer of three, both directions, for what ns.scan computes beside the loop."""

from __future__ import annotations

from typing import Any

import numpy as np

import npseq as ns
from npseq.layers.gru import GRUCell
from npseq.layers.lstm import LSTMCell
from npseq.layers.rnn import RNNCell

T, B, D, H = 9, 3, 2, 3
LENGTHS = np.array([5, 0, 9])
CELLS: dict[str, Any] = {name: getattr(ns.gallery, name)() for name in ns.gallery.__all__}
CELLS["LayerNormLSTMCell"] = ns.gallery.LayerNormLSTMCell(0.01)  # two or three units have little variance
CELLS |= {"RNN": RNNCell(), "RNN, relu": RNNCell("relu"), "GRU": GRUCell(), "GRU, before": GRUCell("before")}
CELLS |= {"LSTM": LSTMCell(), "LSTM, peepholes": LSTMCell(True), "LSTM, projection": LSTMCell(False, True)}
LINEAR = ("LRUCell", "MinGRUCell", "MinLSTMCell")


def layer_of(name: str, **options: Any) -> ns.Recurrent:
    given: dict[str, Any] = {"num_layers": 3, "bidirectional": True, "dtype": np.float64, "rng": 0, **options}
    if name == "LSTM, projection":
        given["state_size"] = 2
    layer = ns.Recurrent(CELLS[name], D, H, **given)
    layer.params.flat[:] *= 1.5
    return layer


def state_of(layer: ns.Recurrent, rng: np.random.Generator, batch: int = B) -> Any:
    """A state; parts beside h are positive, as the sLSTM's n must be."""
    rows = layer.num_layers * layer.directions
    h = rng.normal(size=(rows, batch, layer.state_size))
    return (h, rng.uniform(0.2, 1.2, (rows, batch, layer.c_size))) if layer.c_size else h


def given(layer: ns.Recurrent, steps: int = T) -> tuple[Any, ...]:
    """x, the initial state, dy, and the derivative by the last state."""
    rng = np.random.default_rng(1)
    x, state = rng.normal(size=(steps, B, D)), state_of(layer, rng)
    return x, state, rng.normal(size=(steps, B, layer.output_size)), state_of(layer, rng)


def parts(state: Any) -> tuple[Any, ...]:
    return state if isinstance(state, tuple) else (state,)


def assert_same(found: Any, expected: Any, tolerance: float = 1e-12) -> None:
    """To 1e-12 of the scale of each array."""
    for one, other in zip(parts(found), parts(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * abs(other).max())
