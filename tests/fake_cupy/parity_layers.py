"""Every layer gives the host's numbers on a device, where they stay."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from layers.recurrent_cases import Given, both_directions, every_cell, given, make, outcome, parts, run

from npseq.interop import torch
from npseq.layers import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    Dropout,
    Embedding,
    Linear,
    Reversed,
    last_output,
    last_output_gradient,
)
from npseq.layers.strands import LOOK_UP_ABOVE

T, B = 6, 3
LENGTHS = {"full": None, "ragged": np.array([2, 6, 0])}
every_length = pytest.mark.parametrize("lengths", LENGTHS)
every_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def moved(layer):
    """The same layer on the device, and one that stays."""
    return copy.deepcopy(layer).to("gpu"), layer


def check(device, layer, data, lengths=None, **options):
    there, here = moved(layer)
    found, expected = run(there, device.put(data), lengths, **options), run(here, data, lengths, **options)
    device.assert_same(found, expected)


@every_cell
@both_directions
@every_length
@every_dtype
def test_recurrent_layers_give_the_hosts_numbers(device, cell, bidirectional, lengths, dtype):
    layer = make(cell, bidirectional=bidirectional, dtype=dtype)
    check(device, layer, given(layer, T, B), LENGTHS[lengths])


@pytest.mark.parametrize("depth", [1, 3])
@every_cell
def test_stacks_give_the_hosts_numbers(device, cell, depth):
    layer = make(cell, num_layers=depth)
    check(device, layer, given(layer, T, B))


@pytest.mark.parametrize("size", [5, LOOK_UP_ABOVE + 4])
@every_cell
@both_directions
@every_length
def test_ids_give_the_hosts_numbers_multiplied_or_looked_up(device, cell, bidirectional, lengths, size):
    layer = make(cell, size=size, bidirectional=bidirectional)
    ids = np.random.default_rng(1).integers(0, size, (T, B))
    ids[:3] = ids[3:]
    check(device, layer, given(layer, T, B)._replace(x=ids), LENGTHS[lengths])


@pytest.mark.parametrize("cell", ["gru before", "lstm both"])
@every_length
def test_resets_give_the_hosts_numbers(device, cell, lengths):
    layer, resets = make(cell, bidirectional=True), np.random.default_rng(0).random((T, B)) < 0.4
    check(device, layer, given(layer, T, B), LENGTHS[lengths], resets=resets)


@pytest.mark.parametrize("options", [{"bias": False}, {"dropout": 0.4}])
@every_cell
def test_layers_without_biases_and_with_dropout_give_the_hosts_numbers(device, cell, options):
    layer = make(cell, bidirectional=True, **options)
    check(device, layer, given(layer, T, B), training=True)


@pytest.mark.parametrize(("steps", "batch"), [(0, 2), (1, 1), (3, 0), (12, 9)])
@every_cell
def test_empty_and_single_sequences_give_the_hosts_numbers(device, cell, steps, batch):
    layer = make(cell)
    check(device, layer, given(layer, steps, batch))


@every_cell
def test_complex_layers_give_the_hosts_numbers(device, cell):
    layer = make(cell, bidirectional=True).astype(np.complex128)
    check(device, layer, given(layer, T, B), LENGTHS["ragged"])


@every_cell
def test_missing_output_gradients_are_zero_on_a_device_too(device, cell):
    layer = make(cell)
    data = given(layer, T, B)
    check(device, layer, data._replace(dy=None))
    check(device, layer, Given(data.x, None, data.dy, None))


@every_cell
def test_a_reused_tape_gives_the_hosts_numbers(device, cell):
    there, here = moved(make(cell))
    first, second = given(here, T, B), given(here, T, B, seed=1)
    *_, tape = there.forward(device.put(first.x))
    y, state, again = there.forward(device.put(second.x), device.put(second.state), tape=tape)
    assert again.strands[0][0].s is tape.strands[0][0].s
    found = outcome(y, state, *there.backward(device.put(second.dy), again, device.put(second.dstate)))
    device.assert_same(found, run(here, second))


@every_length
def test_bidirectional_of_two_cells_gives_the_hosts_numbers(device, lengths):
    layer = Bidirectional(LSTM(3, 4, dtype=np.float64, rng=0), GRU(3, 2, dtype=np.float64, rng=1))
    x, dy = np.random.default_rng(2).normal(size=(T, B, 3)), np.random.default_rng(3).normal(size=(T, B, 6))
    there, here = moved(layer)

    def both(layer, x, dy):
        y, state, tape = layer.forward(x, lengths=LENGTHS[lengths])
        dx, dstate, grads = layer.backward(dy, tape)
        return y, state, dx, dstate, grads

    device.assert_same(both(there, device.put(x), device.put(dy)), both(here, x, dy))


@every_dtype
def test_layers_without_time_give_the_hosts_numbers(device, dtype):
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(T, B, 3)).astype(dtype), rng.normal(size=(T, B, 5)).astype(dtype)
    ids = rng.integers(0, 4, (T, B))
    for layer, value in ((Linear(3, 5, dtype=dtype, rng=0), x), (Embedding(4, 5, 1, dtype=dtype, rng=0), ids)):
        there, here = moved(layer)
        for _ in range(2):
            (y, tape), (expected, host_tape) = there.forward(device.put(value)), here.forward(value)
            device.assert_same(y, expected)
            device.assert_same(there.backward(device.put(dy), tape), here.backward(dy, host_tape))
    found, expected = Dropout(0.5, rng=7), Dropout(0.5, rng=7)
    (y, tape), (host_y, host_tape) = found.forward(device.put(x)), expected.forward(x)
    device.assert_same(y, host_y)
    device.assert_same(found.backward(y, tape)[0], expected.backward(host_y, host_tape)[0])


def test_a_reversed_layer_and_its_last_output_are_the_hosts(device):
    layer = Reversed(GRU(3, 4, 2, dtype=np.float64, rng=0))
    x, dlast = np.random.default_rng(2).normal(size=(T, B, 3)), np.random.default_rng(3).normal(size=(B, 4))
    there, here = moved(layer)

    def both(layer, x, dlast):
        _, state, tape = layer.forward(x, lengths=np.arange(B) % (T + 1))
        dx, _, grads = layer.backward(None, tape, last_output_gradient(layer, dlast))
        return last_output(layer, state), dx, grads

    device.assert_same(both(there, device.put(x), device.put(dlast)), both(here, x, dlast))


def test_a_layer_moves_to_the_device_and_back_unchanged(device):
    layer = RNN(3, 4, rng=0)
    expected = layer.params.flat.copy()
    assert isinstance(layer.to("gpu").params.flat, device.xp.ndarray)
    assert isinstance(layer.params["W_xh"], device.xp.ndarray)
    np.testing.assert_array_equal(layer.to("cpu").params.flat, expected)


@every_cell
def test_layers_refuse_mixed_arrays(device, cell):
    there, here = moved(make(cell))
    data = given(here, T, B)
    ours = device.put(data)
    for layer, x, state in ((there, data.x, None), (here, ours.x, None), (there, ours.x, data.state)):
        with pytest.raises(TypeError, match=r"layer\.to\("):
            layer.forward(x, state)
    *_, tape = there.forward(ours.x)
    with pytest.raises(TypeError, match=r"layer\.to\("):
        there.backward(data.dy, tape)


@every_cell
@both_directions
def test_forward_and_backward_never_copy_to_the_host(device, cell, bidirectional):
    there, _ = moved(make(cell, bidirectional=bidirectional))
    for data in (given(there, T, B), given(there, T, B)._replace(x=np.ones((T, B), int))):
        data = device.put(data)
        with device.no_sync():
            found = run(there, data, LENGTHS["ragged"])
        assert all(len(part) for part in parts(found["h"]))


@pytest.mark.parametrize("make_layer", [lambda: make("lstm", bidirectional=True), lambda: Linear(3, 2, rng=0)])
def test_pytorch_weights_are_loaded_and_exported_on_a_device(device, make_layer):
    """The weights are arrays of the host, and the layer stays on its device."""
    there, here = moved(make_layer())
    weights = torch.export(there)
    for name, value in torch.export(here).items():
        np.testing.assert_array_equal(weights[name], value)
    torch.load(there, {name: 2 * value for name, value in weights.items()})
    torch.load(here, {name: 2 * value for name, value in weights.items()})
    device.assert_same(there.params.flat, here.params.flat)
