"""What RTRL, UORO, SnAp and RFLO share: the influence matrix, the losses step by step, and what they return."""

from __future__ import annotations

import numpy as np
import pytest
from layers.recurrent_cases import every_cell, given, make, parts

import npseq as ns
from npseq import LSTM, RNN, Bidirectional
from npseq.online.influence import lengths_at, multiply, step_jacobians

T, B = 5, 3
METHODS = {"rtrl": ns.rtrl, "uoro": ns.uoro, "snap": ns.snap, "rflo": ns.rflo}
every_method = pytest.mark.parametrize("name", METHODS)
with_a_matrix = pytest.mark.parametrize("method", [ns.rtrl, ns.snap, ns.rflo])


def layer_for(name, **options):
    """RFLO is for one layer of GRU; the others also take an LSTM's two states and a stack."""
    return make("gru before", num_layers=1, **options) if name == "rflo" else make("lstm both", **options)


@every_cell
def test_the_influence_is_the_derivative_of_the_state(cell):
    """Given a basis of the last state, backward computes its rows."""
    layer = make(cell, num_layers=1)
    data = given(layer, T, B)
    tape = layer.forward(data.x, data.state)[2]
    found = ns.rtrl(layer, data.x, 0 * data.dy, data.state)
    shapes = [part.shape[1:] for part in parts(data.state)]
    size = sum(shape[1] for shape in shapes)
    for j in range(size):
        basis = np.zeros((B, size))
        basis[:, j] = np.arange(1, B + 1)
        cut = np.split(basis[None], [shapes[0][1]], axis=2)[: len(shapes)]
        grads = layer.backward(None, tape, tuple(cut) if len(cut) == 2 else cut[0])[2]
        rows = {name: np.tensordot(np.arange(1, B + 1), S[:, j], axes=1) for name, S in found.influence.items()}
        for name, value in rows.items():
            np.testing.assert_allclose(value, grads[name], rtol=0, atol=1e-12 * np.abs(grads.flat).max())


@every_cell
def test_two_steps_of_influence_are_J_S_plus_F(cell):
    layer = make(cell)
    data = given(layer, 2, B)
    first = ns.rtrl(layer, data.x[:1], data.dy[:1], data.state)
    J, F = step_jacobians(layer, layer.forward(data.x[1:], first.state)[2])
    both = ns.rtrl(layer, data.x, data.dy, data.state)
    for name, S in first.influence.items():
        expected = np.einsum("bij,bj...->bi...", J, S) + F[name]
        np.testing.assert_allclose(multiply(J, S) + F[name], expected, rtol=0, atol=1e-13)
        np.testing.assert_allclose(both.influence[name], expected, rtol=0, atol=1e-13)


def test_the_lengths_of_one_step_are_one_until_a_sequence_ends():
    assert lengths_at(None, 0) is None
    assert [lengths_at(np.array([2, 0, 3]), t).tolist() for t in range(3)] == [[1, 0, 1], [1, 0, 1], [0, 0, 1]]


@pytest.mark.parametrize("method", [ns.rtrl, ns.uoro])
def test_the_loss_may_be_known_only_at_its_step(method):
    layer = make("lstm", num_layers=1)
    data = given(layer, T, B)
    y = layer.forward(data.x)[0]
    seed = {} if method is ns.rtrl else {"rng": 0}
    online = method(layer, data.x, lambda t, y: (t + 1) * y, **seed)
    arrays = method(layer, data.x, np.arange(1, T + 1)[:, None, None] * y, **seed)
    np.testing.assert_array_equal(online.grads.flat, arrays.grads.flat)


@with_a_matrix
def test_a_sequence_continues_where_it_ended_with_losses_known_only_then(method):
    layer = make("gru after", num_layers=1)
    data = given(layer, T, B)
    whole = method(layer, data.x, lambda t, y: (t + 1) * y, data.state)
    first = method(layer, data.x[:2], lambda t, y: (t + 1) * y, data.state)
    rest = method(layer, data.x[2:], lambda t, y: (t + 3) * y, first.state, influence=first.influence)
    np.testing.assert_allclose(first.grads.flat + rest.grads.flat, whole.grads.flat, rtol=1e-12, atol=1e-15)


@every_method
def test_the_dtype_is_the_layers_and_no_argument_is_written(name):
    layer = layer_for(name, dtype=np.float32)
    data = given(layer, T, B)
    arguments = (layer.params.flat, data.x, data.dy, *parts(data.state))
    before = [array.copy() for array in arguments]
    found = METHODS[name](layer, data.x, data.dy, data.state)
    assert {found.grads.flat.dtype, found.y.dtype, parts(found.state)[0].dtype} == {np.dtype(np.float32)}
    if name != "uoro":
        assert {part.dtype for part in found.influence.values()} == {np.dtype(np.float32)}
    for array, old in zip(arguments, before, strict=True):
        np.testing.assert_array_equal(array, old)


@every_method
@pytest.mark.parametrize(("steps", "batch"), [(0, 2), (2, 0), (1, 1)])
def test_without_steps_or_sequences_the_gradient_is_zero(name, steps, batch):
    layer = layer_for(name)
    data = given(layer, steps, batch)
    found = METHODS[name](layer, data.x, data.dy, data.state, dstate=data.dstate)
    assert found.y.shape == (steps, batch, layer.output_size)
    assert (steps * batch == 0) == (not found.grads.flat.any())


@every_method
def test_two_directions_are_refused(name):
    x = np.zeros((3, 2, 2))
    both = RNN(2, 3, bidirectional=True, dtype=np.float64)
    pair = Bidirectional(LSTM(2, 3, dtype=np.float64), LSTM(2, 3, dtype=np.float64))
    for layer in (both, pair):
        with pytest.raises(ValueError, match=f"{name} needs a layer of one direction, got .* or backward for the grad"):
            METHODS[name](layer, x, x)


@every_method
def test_a_loss_gradient_of_another_shape_is_refused(name):
    layer, x = RNN(2, 3, dtype=np.float64), np.zeros((3, 2, 2))
    with pytest.raises(ValueError, match=r"dy must have shape \(3, 2, 3\), got \(3, 2, 4\)"):
        METHODS[name](layer, x, np.zeros((3, 2, 4)))
    with pytest.raises(ValueError, match=r"dy must have shape \(3, 2, 3\), got \(1, 2, 3\)"):
        METHODS[name](layer, x, np.zeros((1, 2, 3)))


@with_a_matrix
def test_the_memory_that_would_be_needed_is_named_before_anything_is_computed(method):
    big, x = ns.GRU(64, 256, rng=0), np.zeros((10, 32, 64), np.float32)
    with pytest.raises(MemoryError, match=f"{method.__name__}'s influence of .* would need about .*or use uoro"):
        method(big, x, np.zeros((10, 32, 256), np.float32))


def test_a_result_prints_its_shapes_and_leaves_the_influence_out():
    layer = make("gru after", num_layers=1)
    data = given(layer, 2, B)
    text = repr(ns.rtrl(layer, data.x, data.dy))
    assert "(2, 3, 4)" in text
    assert "influence" not in text
