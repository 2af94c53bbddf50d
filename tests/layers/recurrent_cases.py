"""Small recurrent layers in float64 for tests to run over, and numbers for all that they take."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from npseq.layers import GRU, LSTM, RNN

CELLS = {  # class, options, the oracle's name
    "rnn tanh": (RNN, {"nonlinearity": "tanh"}, "tanh"),
    "rnn relu": (RNN, {"nonlinearity": "relu"}, "relu"),
    "gru after": (GRU, {"reset": "after"}, "gru after"),
    "gru before": (GRU, {"reset": "before"}, "gru before"),
    "lstm": (LSTM, {}, "lstm"),
    "lstm peepholes": (LSTM, {"peepholes": True}, "lstm"),
    "lstm projection": (LSTM, {"proj_size": 2}, "lstm"),
    "lstm both": (LSTM, {"peepholes": True, "proj_size": 2}, "lstm"),
}
every_cell = pytest.mark.parametrize("cell", CELLS)
both_directions = pytest.mark.parametrize("bidirectional", [False, True])


class Given(NamedTuple):
    x: np.ndarray
    state: object
    dy: np.ndarray
    dstate: object


def make(cell, size=3, hidden=4, **options):
    kind, own, _ = CELLS[cell]
    return kind(size, hidden, **({"num_layers": 2, "dtype": np.float64, "rng": 0} | own | options))


def given(layer, steps, batch, seed=0):
    """Random numbers of the layer's dtype for forward and backward."""
    rng = np.random.default_rng(seed)

    def draw(*shape):
        value = rng.normal(size=shape)
        return (value + 1j * rng.normal(size=shape) if layer.dtype.kind == "c" else value).astype(layer.dtype)

    def draw_state():
        rows = layer.num_layers * layer.directions
        h = draw(rows, batch, layer.state_size)
        return (h, draw(rows, batch, layer.hidden_size)) if isinstance(layer, LSTM) else h

    x, dy = draw(steps, batch, layer.input_size), draw(steps, batch, layer.output_size)
    return Given(x, draw_state(), dy, draw_state())


def parts(state):
    """A state as a tuple, (h,) or (h, c)."""
    return state if isinstance(state, tuple) else (state,)


def outcome(y, state, dx, dstate, grads):
    """All that one forward and backward return, by name: y, h, c, dx, dh, dc, grads."""
    names = dict(zip(("h", "c"), parts(state), strict=False)) | dict(zip(("dh", "dc"), parts(dstate), strict=False))
    return {"y": y, **names, "dx": dx, "grads": grads.flat}


def run(layer, given, lengths=None, **options):
    """One forward and one backward."""
    y, state, tape = layer.forward(given.x, given.state, lengths, **options)
    dx, dstate, grads = layer.backward(given.dy, tape, given.dstate)
    return outcome(y, state, dx, dstate, grads)


def changed(given, change):
    """The same numbers with `change` applied to every array."""
    return Given(*(tuple(map(change, value)) if isinstance(value, tuple) else change(value) for value in given))


def assert_same_bits(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def assert_close(found, expected, tolerance):
    """Each array to its own scale; exactly where the expected one is zero."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        scale = np.abs(value).max(initial=0)
        np.testing.assert_allclose(found[name], value, rtol=0, atol=tolerance * scale, err_msg=name)


def arrays_in(value):
    """Every array of a tape."""
    if isinstance(value, np.ndarray):
        return [value]
    return [array for part in value for array in arrays_in(part)] if isinstance(value, (tuple, list)) else []
