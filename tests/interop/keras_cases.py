"""Layers that Keras has too, and random weights for them in Keras's form."""

import numpy as np

from npseq import GRU, LSTM, RNN

T, B, D, H = 4, 3, 3, 5
CELLS = {
    "tanh": (RNN, {"nonlinearity": "tanh"}, "SimpleRNN", {"activation": "tanh"}),
    "relu": (RNN, {"nonlinearity": "relu"}, "SimpleRNN", {"activation": "relu"}),
    "reset after": (GRU, {"reset": "after"}, "GRU", {"reset_after": True}),
    "reset before": (GRU, {"reset": "before"}, "GRU", {"reset_after": False}),
    "lstm": (LSTM, {}, "LSTM", {}),
}


def make(cell, layers=1, bidirectional=False, bias=True, dtype=np.float64, rng=0):
    kind, own, _, _ = CELLS[cell]
    return kind(D, H, num_layers=layers, bidirectional=bidirectional, bias=bias, dtype=dtype, rng=rng, **own)


def shapes(cell, layers, bidirectional, bias):
    """What get_weights() of such Keras layers has."""
    gates = {"tanh": 1, "relu": 1, "lstm": 4}.get(cell, 3)
    rows = {"reset after": (2, gates * H)}.get(cell, (gates * H,))
    out = []
    for layer in range(layers):
        size = D if layer == 0 else H * (1 + bidirectional)
        out += [(size, gates * H), (H, gates * H), *([rows] if bias else [])] * (1 + bidirectional)
    return out


def random_weights(cell, layers, bidirectional, bias, dtype=np.float64):
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype(dtype) for shape in shapes(cell, layers, bidirectional, bias)]
