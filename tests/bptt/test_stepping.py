"""One step at a time, against the layer that runs all of them at once."""

import numpy as np
import pytest
from layers.recurrent_cases import every_cell, make

from npseq.bptt.stepping import inputs_of, stepper, table

T, B, D, V = 6, 3, 5, 4


def layer_of(cell, bias=True):
    layer = make(cell, size=D, num_layers=1, bias=bias)
    return layer, layer.weights(0, 0)


@pytest.mark.parametrize("bias", [True, False])
@every_cell
def test_steps_of_features_are_the_layers_forward(cell, bias):
    layer, w = layer_of(cell, bias)
    x = np.random.default_rng(0).normal(size=(T, B, D))
    y, _, _ = layer.forward(x)
    step = stepper(layer.cell, w, B)
    for t in range(T):
        h, scores = step(inputs_of(layer.cell, w, x[t].T))
        np.testing.assert_allclose(h.T, y[t], rtol=0, atol=1e-15)
        assert scores.shape == (0, B)


@pytest.mark.parametrize("bias", [True, False])
@every_cell
def test_steps_of_token_ids_are_the_layers_forward(cell, bias):
    layer, w = layer_of(cell, bias)
    ids = np.random.default_rng(0).integers(0, D, (T, B))
    y, _, _ = layer.forward(ids)
    rows, step = table(layer.cell, w), stepper(layer.cell, w, B)
    for t in range(T):
        h, _ = step(rows[..., ids[t]])
        np.testing.assert_allclose(h.T, y[t], rtol=0, atol=1e-15)


@every_cell
def test_scores_are_the_output_layers_of_the_state_after_the_step(cell):
    layer, w = layer_of(cell)
    rng = np.random.default_rng(0)
    output, x = rng.normal(size=(layer.state_size + 1, V)), rng.normal(size=(T, B, D))
    step, y = stepper(layer.cell, w, B, output), layer.forward(x)[0]
    for t in range(T):
        _, scores = step(inputs_of(layer.cell, w, x[t].T))
        np.testing.assert_allclose(scores.T, y[t] @ output[:-1] + output[-1], rtol=0, atol=1e-14)


def test_every_step_writes_over_what_the_step_before_returned():
    layer, w = layer_of("lstm")
    step, x = stepper(layer.cell, w, B, np.ones((5, V))), np.ones((D, B))
    first = step(inputs_of(layer.cell, w, x))
    again = step(inputs_of(layer.cell, w, x))
    for one, other in zip(first, again, strict=True):
        assert np.shares_memory(one, other)


def test_steppers_of_one_layer_do_not_share_their_states():
    layer, w = layer_of("gru before")
    inputs = inputs_of(layer.cell, w, np.ones((D, B)))
    busy, idle = stepper(layer.cell, w, B), stepper(layer.cell, w, B)
    for _ in range(3):
        busy(inputs)
    np.testing.assert_array_equal(idle(inputs)[0], stepper(layer.cell, w, B)(inputs)[0])


@every_cell
def test_the_table_holds_the_inputs_of_every_one_hot_vector(cell):
    layer, w = layer_of(cell)
    rows, features = table(layer.cell, w), inputs_of(layer.cell, w, np.eye(D))
    np.testing.assert_allclose(rows, features, rtol=0, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
def test_the_dtype_is_the_layers(dtype):
    layer = make("lstm both", size=D, num_layers=1, dtype=dtype)
    w = layer.weights(0, 0)
    h, scores = stepper(layer.cell, w, B, np.ones((3, V), dtype))(table(layer.cell, w)[..., :B])
    assert (h.dtype, scores.dtype) == (dtype, dtype)
