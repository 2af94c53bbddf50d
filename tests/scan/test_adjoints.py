"""Backward by an associative scan beside the loop, for every cell."""

import numpy as np
import pytest
from scan.cells import CELLS, LENGTHS, B, D, H, T, assert_same, given, layer_of

import npseq as ns

every_cell = pytest.mark.parametrize("name", CELLS)


def assert_backward(layer, dy, tape, dstate=None, dc=None):
    dx, dfirst, grads = layer.backward(dy, tape, dstate, dc=dc)
    found = ns.scan.backward(layer, dy, tape, dstate, dc=dc)
    assert_same(found[1], dfirst)
    for name, value in grads.items():
        assert_same(found[2][name], value)
    if dx is None:
        assert found[0] is None
    else:
        assert_same(found[0], dx)


@every_cell
def test_it_is_backward_in_a_stack_of_both_directions(name):
    layer = layer_of(name)
    x, state, dy, dstate = given(layer)
    assert_backward(layer, dy, layer.forward(x, state, LENGTHS)[2], dstate)


@every_cell
def test_it_is_backward_in_one_direction_without_lengths(name):
    layer = layer_of(name, num_layers=1, bidirectional=False)
    x, state, dy, _ = given(layer, steps=16)
    assert_backward(layer, dy, layer.forward(x, state)[2])


@every_cell
def test_resets_and_derivatives_by_every_part_of_the_state(name):
    layer, rng = layer_of(name), np.random.default_rng(3)
    x, state, dy, dstate = given(layer)
    tape = layer.forward(x, state, LENGTHS, resets=rng.random((T, B)) < 0.3)[2]
    dc = [None, *rng.normal(size=(2, T, B, 2 * layer.c_size))] if layer.c_size else None
    assert_backward(layer, dy, tape, dstate, dc)


@pytest.mark.parametrize("name", ["RNN", "LSTM, projection", "LRUCell", "MinGRUCell"])
def test_ids_masks_and_missing_adjoints(name):
    layer = layer_of(name, dropout=0.5)
    x, state, dy, dstate = given(layer)
    ids = np.random.default_rng(0).integers(0, D, (T, B))
    assert_backward(layer, dy, layer.forward(ids, state, LENGTHS)[2], dstate)
    assert_backward(layer, dy, layer.forward(x, state, training=True)[2])
    assert_backward(layer, None, layer.forward(x, state, LENGTHS)[2], dstate)
    wide = ns.Recurrent(CELLS[name], 200, H, state_size=layer.state_size, dtype=np.float64, rng=0)
    looked_up = wide.forward(np.random.default_rng(0).integers(0, 200, (T, B)))[2]
    assert_backward(wide, dy[..., : wide.output_size], looked_up)


@pytest.mark.parametrize("name", ["ZoneoutLSTMCell", "RecurrentDropoutLSTMCell"])
def test_what_training_drew_stays(name):
    layer = layer_of(name)
    x, state, dy, dstate = given(layer)
    assert_backward(layer, dy, layer.forward(x, state, LENGTHS, training=True)[2], dstate)


@pytest.mark.parametrize(("steps", "batch"), [(0, 2), (1, 1), (1, 3), (2, 1), (40, 1)])
def test_few_steps_and_one_sequence(steps, batch):
    layer = ns.GRU(D, H, bidirectional=True, dtype=np.float64, rng=0)
    x = np.random.default_rng(0).normal(size=(steps, batch, D))
    y, state, tape = layer.forward(x)
    assert_backward(layer, y + 1, tape, state + 1) if steps else None
    found = ns.scan.backward(layer, y, tape, state + 1)
    assert found[0].shape == x.shape


def test_an_own_cell_without_local_derivatives():
    class Own(ns.Cell):
        gates, vectors = ("u",), ("q",)

        def forward(self, a, old, new, p, project):
            new[0][...] = old[0] + np.exp(-(p[0] ** 2)) * (np.tanh(a[0], out=a[0]) - old[0])

        def backward(self, dnew, a, s, da, p, project):
            k = np.exp(-(p[0] ** 2))
            da[0], da[1] = dnew[0] * k * (1 - a[0] ** 2), -2 * p[0] * k * dnew[0] * (a[0] - s[0][0])
            return (dnew[0] * (1 - k),)

    layer = ns.Recurrent(Own(), D, H, num_layers=2, bidirectional=True, dtype=np.float64, rng=0)
    x, state, dy, dstate = given(layer)
    assert_backward(layer, dy, layer.forward(x, state, LENGTHS)[2], dstate)


def test_a_cell_without_a_backward_is_told_so():
    class Forward(ns.Cell):
        gates = ("u",)

        def forward(self, a, old, new, p, project):
            new[0][...] = np.tanh(a[0])

    layer = ns.Recurrent(Forward(), D, H, rng=0)
    y, _, tape = layer.forward(np.ones((T, B, D), np.float32))
    with pytest.raises(NotImplementedError, match="Forward has no backward"):
        ns.scan.backward(layer, y, tape)


def test_what_does_not_fit_is_refused():
    layer = ns.LSTM(D, H, rng=0)
    y, _, tape = layer.forward(np.ones((T, B, D), np.float32))
    both = ns.Bidirectional(layer, ns.LSTM(D, H, rng=0))
    with pytest.raises(TypeError, match="of a Bidirectional, give each of its layers"):
        ns.scan.backward(both, y, tape)
    with pytest.raises(ValueError, match=r"dy must have shape \(9, 3, 3\)"):
        ns.scan.backward(layer, y[1:], tape)
    with pytest.raises(TypeError, match="tape must be the one"):
        ns.scan.backward(layer, y, None)
    with pytest.raises(MemoryError, match="Jacobians of 6 x 6 of 27 steps would need"):
        ns.scan.backward(layer, y, tape, max_bytes=1000)
    layer.params.flat[:] *= 2
    with pytest.raises(ValueError, match="run forward again"):
        ns.scan.backward(layer, y, tape)
