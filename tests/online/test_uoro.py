"""UORO is unbiased: its mean over every sign pattern is the gradient of backward."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from layers.recurrent_cases import CELLS, given, make, parts

from npseq import LSTM, RNN
from npseq.online import uoro

T, B = 5, 3
LENGTHS = np.array([3, 0, 5])


def patterns(layer, steps, batch):
    """Every choice of signs for every state feature at every step."""
    shapes = [part.shape for part in parts(given(layer, steps, batch).state)]
    sizes = [int(np.prod(shape)) for shape in shapes]
    for flat in product([-1.0, 1.0], repeat=steps * sum(sizes)):
        rows = np.reshape(flat, (steps, sum(sizes)))
        cut = [np.split(row, [sizes[0]])[: len(sizes)] for row in rows]
        yield [tuple(piece.reshape(shape) for piece, shape in zip(row, shapes, strict=True)) for row in cut]


@pytest.mark.parametrize(("cell", "hidden", "layers", "steps", "batch", "lengths"), [
    *((cell, 2, 1, 2, 1, None) for cell in CELLS if CELLS[cell][0] is not LSTM),
    *((cell, 1 + ("proj_size" in CELLS[cell][1]), 1, 2, 1, None) for cell in CELLS if CELLS[cell][0] is LSTM),
    ("rnn tanh", 1, 1, 6, 1, None), ("lstm", 1, 1, 3, 1, None), ("gru before", 1, 2, 3, 1, None),
    ("gru after", 1, 1, 3, 2, np.array([3, 2])),
])  # fmt: skip
def test_the_mean_of_all_sign_patterns_is_the_gradient(cell, hidden, layers, steps, batch, lengths):
    width = {"proj_size": 1} if "proj_size" in CELLS[cell][1] else {}
    layer = make(cell, size=2, hidden=hidden, num_layers=layers, **width)
    layer.params.flat[:] = np.random.default_rng(1).uniform(-1, 1, layer.params.flat.size)
    data = given(layer, steps, batch)
    tape = layer.forward(data.x, data.state, lengths)[2]
    expected = layer.backward(data.dy, tape, data.dstate)[2].flat
    total, count = 0.0, 0
    for signs in patterns(layer, steps, batch):
        found = uoro(layer, data.x, data.dy, data.state, lengths, data.dstate, signs=signs)
        total, count = total + found.grads.flat, count + 1
    np.testing.assert_allclose(total / count, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def test_the_mean_is_the_gradient_of_a_loss_of_c_too():
    layer = LSTM(1, 1, dtype=np.float64, rng=0)
    data, rng = given(layer, 2, 1), np.random.default_rng(0)
    dc = rng.normal(size=(2, 1, 1))
    expected = layer.backward(data.dy, layer.forward(data.x, data.state)[2], dc=dc)[2].flat
    found = [uoro(layer, data.x, data.dy, data.state, signs=signs, dc=dc).grads.flat for signs in patterns(layer, 2, 1)]
    np.testing.assert_allclose(np.mean(found, axis=0), expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def test_it_runs_forward_and_its_seed_fixes_it():
    layer = make("lstm both", num_layers=2)
    data = given(layer, T, B)
    y, state, _ = layer.forward(data.x, data.state, LENGTHS)
    first, again = (uoro(layer, data.x, data.dy, data.state, LENGTHS, rng=3) for _ in range(2))
    other = uoro(layer, data.x, data.dy, data.state, LENGTHS, rng=4)
    np.testing.assert_array_equal(first.y, y)
    for found, expected in zip(first.state, state, strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(first.grads.flat, again.grads.flat)
    assert (first.grads.flat != other.grads.flat).any()


def test_a_sequence_continues_where_it_ended():
    layer = make("gru after", num_layers=1)
    data = given(layer, T, B)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (T, *data.state.shape))
    whole = uoro(layer, data.x, data.dy, data.state, signs=list(signs))
    first = uoro(layer, data.x[:2], data.dy[:2], data.state, signs=list(signs[:2]))
    second = uoro(layer, data.x[2:], data.dy[2:], first.state, influence=first.influence, signs=list(signs[2:]))
    np.testing.assert_allclose(first.grads.flat + second.grads.flat, whole.grads.flat, rtol=1e-12, atol=1e-15)


def test_too_few_signs_are_refused():
    layer = RNN(2, 3, dtype=np.float64)
    with pytest.raises(ValueError, match="signs must be a list of one state a step, 3 in all, got"):
        uoro(layer, np.zeros((3, 1, 2)), np.zeros((3, 1, 3)), signs=[np.ones((1, 1, 3))])
