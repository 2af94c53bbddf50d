"""Layers whose gradients reach far, and what tests of a ledger's parts share."""

import numpy as np
import pytest
from layers.recurrent_cases import given, make

from npseq import GRU, LSTM, Bidirectional
from npseq.inspect import ledger

T, B = 5, 3
LENGTHS = np.array([3, 0, 5])
STEPS = np.linspace(0.3, 1.0, 8)
depths = pytest.mark.parametrize("layers", [1, 2])
ragged = pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "ragged"])


def case(cell, layers=1, bidirectional=False, lengths=None, batch=B):
    """A layer whose gradients reach far, its numbers and its tape."""
    layer = make(cell, size=2, hidden=3, num_layers=layers, bidirectional=bidirectional)
    rng = np.random.default_rng(1)
    layer.params.flat[:] = rng.uniform(0.3, 1.0, layer.params.flat.shape) * rng.choice([-1, 1], layer.params.flat.shape)
    data = given(layer, T, batch)
    return layer, data, layer.forward(data.x, data.state, lengths)[2]


def either():
    """Two different layers, one from each end, over ragged sequences."""
    layer = Bidirectional(LSTM(2, 3, dtype=np.float64, rng=0), GRU(2, 4, num_layers=2, dtype=np.float64, rng=1))
    rng = np.random.default_rng(2)
    dstate = ((rng.normal(size=(1, B, 3)), rng.normal(size=(1, B, 3))), rng.normal(size=(2, B, 4)))
    x, dy = rng.normal(size=(T, B, 2)), rng.normal(size=(T, B, 7))
    return layer, x, dy, dstate


def row(part, k):
    return {name: value[k] for name, value in part.items()}


def norm(part):
    return np.sqrt(sum((value**2).sum() for value in part.values()))


class Drawn:
    """A fake Generator that returns the numbers it was made with."""

    def __init__(self, numbers):
        self.numbers = numbers

    def random(self, shape=None):
        return self.numbers if shape is None else np.reshape(self.numbers, shape)


def ledger_and_gradient(cell, steps, lengths=None, batch=2, **options):
    """A ledger, and the function from a truncation to the gradient in one vector."""
    layer = make(cell, size=2, hidden=3, **({"num_layers": 1} | options))
    rng = np.random.default_rng(1)
    layer.params.flat[:] = rng.uniform(0.3, 1.0, layer.params.flat.shape) * rng.choice([-1, 1], layer.params.flat.shape)
    data = given(layer, steps, batch)
    tape = layer.forward(data.x, data.state, lengths)[2]
    return ledger(layer, data.dy, tape, data.dstate), lambda truncation=None: layer.backward(
        data.dy, tape, data.dstate, truncation
    )[2].flat.copy()
