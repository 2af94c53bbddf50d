"""RTRL computes the gradient of backward, forward in time."""

from __future__ import annotations

import numpy as np
import pytest
from layers.recurrent_cases import assert_close, every_cell, given, make, parts

from npseq import GRU, LSTM
from npseq.online import rtrl, snap, uoro

T, B = 5, 3
LENGTHS = np.array([3, 0, 5])


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "ragged"])
@pytest.mark.parametrize("layers", [1, 2, 3])
@every_cell
def test_it_is_backward(cell, layers, lengths):
    layer = make(cell, num_layers=layers)
    data = given(layer, T, B)
    y, state, tape = layer.forward(data.x, data.state, lengths)
    found = rtrl(layer, data.x, data.dy, data.state, lengths, data.dstate)
    assert_close(found.grads, dict(layer.backward(data.dy, tape, data.dstate)[2]), 1e-12)
    np.testing.assert_array_equal(found.y, y)
    for ours, expected in zip(parts(found.state), parts(state), strict=True):
        np.testing.assert_array_equal(ours, expected)


@every_cell
def test_a_sequence_continues_where_it_ended(cell):
    layer = make(cell)
    data = given(layer, T, B)
    whole = rtrl(layer, data.x, data.dy, data.state, dstate=data.dstate)
    first = rtrl(layer, data.x[:2], data.dy[:2], data.state)
    second = rtrl(layer, data.x[2:], data.dy[2:], first.state, dstate=data.dstate, influence=first.influence)
    both = {name: first.grads[name] + second.grads[name] for name in layer.params}
    assert_close(both, dict(whole.grads), 1e-12)


@pytest.mark.parametrize("size", [5, 200])
def test_token_ids_are_one_hot_vectors(size):
    layer = GRU(size, 3, dtype=np.float64, rng=0)
    rng = np.random.default_rng(0)
    ids, dy = rng.integers(0, size, (T, B)), rng.normal(size=(T, B, 3))
    expected = layer.backward(dy, layer.forward(ids)[2])[2]
    assert_close(rtrl(layer, ids, dy).grads, dict(expected), 1e-12)


def test_it_names_the_memory_that_it_would_need():
    layer = LSTM(64, 256, rng=0)
    message = r"rtrl's influence of 328704 parameters on 512 states would need about 40.1 GiB, .*or use uoro"
    with pytest.raises(MemoryError, match=message):
        rtrl(layer, np.zeros((10, 32, 64), np.float32), np.zeros((10, 32, 256), np.float32))


@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_a_loss_of_every_c_is_backwards_and_a_clamp_is_refused(lengths):
    layer, rng = LSTM(2, 3, num_layers=2, peepholes=True, dtype=np.float64, rng=0), np.random.default_rng(0)
    x, dy, dcs = rng.normal(size=(T, B, 2)), rng.normal(size=(T, B, 3)), rng.normal(size=(2, T, B, 3))
    tape = layer.forward(x, None, lengths)[2]
    for dc in (dcs[1], list(dcs), [dcs[0], None]):
        wanted, found = layer.backward(dy, tape, dc=dc)[2], rtrl(layer, x, dy, None, lengths, dc=dc)
        np.testing.assert_allclose(found.grads.flat, wanted.flat, rtol=1e-12, atol=1e-14)
    for method in (rtrl, snap, uoro):
        with pytest.raises(ValueError, match="which all later losses add up to, and forward in time they are not"):
            method(layer, x, dy, clip_adjoint=1.0)
