"""RNN, GRU and LSTM as a user meets them: build, run, update, again; shapes, names, dtypes, buffers, ids, dropout."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from layers.recurrent_cases import (
    CELLS,
    arrays_in,
    assert_close,
    assert_same_bits,
    both_directions,
    changed,
    every_cell,
    given,
    make,
    outcome,
    parts,
    run,
)

from npseq.layers import LSTM

T, B = 4, 3
LENGTHS = np.array([2, 4, 1])


@every_cell
@both_directions
def test_a_layer_trains_step_after_step(cell, bidirectional):
    layer = make(cell, bidirectional=bidirectional)
    x, state, target, _ = given(layer, T, B)
    losses = []
    for _ in range(4):
        y, _, tape = layer.forward(x, state)
        losses.append(0.5 * ((y - target) ** 2).sum())
        _, _, grads = layer.backward(y - target, tape)
        layer.params.flat -= 0.01 * grads.flat
    assert losses == sorted(losses, reverse=True)
    assert losses[0] > losses[3]


@every_cell
@both_directions
@pytest.mark.parametrize("layers", [1, 3])
def test_shapes_follow_from_the_sizes(cell, bidirectional, layers):
    layer = make(cell, num_layers=layers, bidirectional=bidirectional)
    R, P = 2 if bidirectional else 1, 2 if "proj_size" in CELLS[cell][1] else 4
    data = given(layer, T, B)
    y, state, tape = layer.forward(data.x)
    dx, dstate, grads = layer.backward(data.dy, tape)
    assert (y.shape, dx.shape) == ((T, B, R * P), (T, B, 3))
    expected = [(layers * R, B, P), (layers * R, B, 4)][: 2 if isinstance(layer, LSTM) else 1]
    assert [s.shape for s in parts(state)] == [s.shape for s in parts(dstate)] == expected
    assert {name: a.shape for name, a in grads.items()} == {name: a.shape for name, a in layer.params.items()}
    assert not y.flags.writeable


@every_cell
def test_parameters_are_written_in_place_by_name(cell):
    layer = make(cell)
    data = given(layer, T, B)
    before = layer.forward(data.x, data.state)[0].copy()
    for name in layer.params:
        layer.params[name][...] += 0.5
        after = layer.forward(data.x, data.state)[0].copy()
        assert not np.array_equal(before, after), name
        before = after


def test_parameters_keep_their_names_and_shapes():
    params = make("lstm").params
    params["W_xf"] = np.ones((3, 4))
    np.testing.assert_array_equal(params["W_xf"], 1)
    with pytest.raises(KeyError, match="no parameter 'W_f'; there are W_x"):
        params["W_f"] = np.ones((3, 4))
    with pytest.raises(ValueError, match=r"W_xf must have shape \(3, 4\), got \(4, 3\)"):
        params["W_xf"] = np.ones((4, 3))
    with pytest.raises(TypeError, match="parameters cannot be removed \\('W_xf'\\)"):
        del params["W_xf"]


def test_parameters_start_as_pytorchs():
    flat = LSTM(50, 25, rng=0).params.flat
    assert -0.2 <= flat.min() < -0.195
    assert 0.195 < flat.max() <= 0.2
    np.testing.assert_array_equal(flat, LSTM(50, 25, rng=np.random.default_rng(0)).params.flat)
    assert not np.array_equal(flat, LSTM(50, 25, rng=1).params.flat)


@every_cell
@both_directions
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_running_twice_gives_the_same_bits(cell, bidirectional, lengths):
    layer = make(cell, bidirectional=bidirectional)
    data = given(layer, T, B)
    first = run(layer, data, lengths)
    y, state, tape = layer.forward(data.x, data.state, lengths)
    for _ in range(2):
        assert_same_bits(outcome(y, state, *layer.backward(data.dy, tape, data.dstate)), first)


@every_cell
@both_directions
def test_nothing_given_is_written_on(cell, bidirectional):
    layer = make(cell, bidirectional=bidirectional)
    data, lengths = given(layer, T, B), LENGTHS.copy()
    y, state, tape = layer.forward(data.x, data.state, lengths)
    everything = dict(enumerate([*arrays_in(data), lengths, y, *parts(state), layer.params.flat, *arrays_in(tape)]))
    kept = {name: array.copy() for name, array in everything.items()}
    layer.backward(data.dy, tape, data.dstate)
    layer.forward(data.x, data.state, lengths)
    assert_same_bits(everything, kept)
    assert_same_bits(dict(enumerate(arrays_in(data))), dict(enumerate(arrays_in(given(layer, T, B)))))
    np.testing.assert_array_equal(lengths, LENGTHS)


@every_cell
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_an_old_tape_gives_the_same_bits(cell, lengths):
    layer = make(cell, bidirectional=True)
    data = given(layer, T, B)
    old = layer.forward(given(layer, T, B, seed=1).x, lengths=np.array([4, 0, 3]))[2]
    fresh = run(layer, data, lengths)
    buffer = old.strands[0][0].s
    y, state, tape = layer.forward(data.x, data.state, lengths, tape=old)
    assert tape.strands[0][0].s is buffer
    assert_same_bits(outcome(y, state, *layer.backward(data.dy, tape, data.dstate)), fresh)
    for again in (tape, copy.deepcopy(tape)):
        again = layer.forward(given(layer, T, B, seed=2).x, tape=again)[2]
        y, state, again = layer.forward(data.x, data.state, lengths, tape=again)
        assert_same_bits(outcome(y, state, *layer.backward(data.dy, again, data.dstate)), fresh)


@every_cell
@pytest.mark.parametrize("other", ["steps", "batch", "layers", "directions", "bias", "cell", "dtype"])
def test_a_tape_of_another_shape_is_not_used(cell, other):
    layer = make(cell, bidirectional=True)
    data = given(layer, T, B)
    fresh = run(layer, data)
    maker = {
        "layers": lambda: make(cell, num_layers=1, bidirectional=True),
        "directions": lambda: make(cell),
        "bias": lambda: make(cell, size=4, bias=False, bidirectional=True),
        "cell": lambda: make("gru after" if cell.startswith("lstm") else "lstm", bidirectional=True),
        "dtype": lambda: make(cell, bidirectional=True, dtype=np.float32),
    }.get(other, lambda: layer)()
    shape = {"steps": (T + 1, B), "batch": (T, B + 1)}.get(other, (T, B))
    old = maker.forward(given(maker, *shape, seed=1).x)[2]
    assert_same_bits(run(layer, data, tape=old), fresh)


@every_cell
@both_directions
def test_what_is_not_given_is_zero(cell, bidirectional):
    layer = make(cell, bidirectional=bidirectional)
    data = given(layer, T, B)
    zero = changed(data, np.zeros_like)
    expected = run(layer, zero._replace(x=data.x, dy=data.dy))
    assert_same_bits(run(layer, data._replace(state=None, dstate=None)), expected)
    expected = run(layer, data._replace(dy=zero.dy))
    assert_same_bits(run(layer, data._replace(dy=None)), expected)
    nothing = run(layer, data._replace(dy=None, dstate=None))
    for name in ("dx", "dh", "grads"):
        np.testing.assert_array_equal(nothing[name], 0)


def test_half_a_state_is_zero_in_the_other_half():
    layer = make("lstm projection")
    data = given(layer, T, B)
    (h, c), (dh, dc) = data.state, data.dstate
    found = run(layer, data._replace(state=(h, None), dstate=(None, dc)))
    assert_same_bits(found, run(layer, data._replace(state=(h, 0 * c), dstate=(0 * dh, dc))))
    assert_same_bits(found, run(layer, data._replace(state=[h, None], dstate=[None, dc])))


@every_cell
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_every_dtype_stays_itself_and_agrees(cell, dtype, lengths):
    """200 eps: an entry passes through some 2 * 2 * 4 steps of a dozen roundings each, and sums up to 12 such."""
    layer = make(cell, bidirectional=True)
    data = given(layer, T, B)
    found = run(layer.astype(dtype), changed(data, lambda array: array.astype(dtype)), lengths)
    assert {array.dtype for array in found.values()} == {np.dtype(dtype)}
    assert_close(found, run(layer, data, lengths), 200 * np.finfo(dtype).eps)


@every_cell
def test_float32_inputs_are_taken_by_a_float64_layer(cell):
    layer = make(cell)
    data = given(layer, T, B)
    x = data.x.astype(np.float32)
    assert_same_bits(run(layer, data._replace(x=x)), run(layer, data._replace(x=x.astype(np.float64))))


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    "change",
    [
        lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
        lambda a: a[::-1].copy()[::-1],
        np.asfortranarray,
        read_only,
        lambda a: np.moveaxis(np.moveaxis(a, 0, 2).copy(), 2, 0),
    ],
    ids=["strided", "reversed", "fortran", "read-only", "moved"],
)
@every_cell
def test_the_memory_layout_changes_no_bit(cell, change):
    layer = make(cell, bidirectional=True)
    data = given(layer, T, B)
    assert_same_bits(run(layer, changed(data, change), LENGTHS), run(layer, data, LENGTHS))


@every_cell
@both_directions
@pytest.mark.parametrize("batch", [0, 1, 2])
@pytest.mark.parametrize("steps", [0, 1, 2])
def test_each_sequence_of_a_batch_of_any_size_is_as_it_is_alone(cell, bidirectional, batch, steps):
    """Each sequence on its own gives the same; none at all gives zeros."""
    layer = make(cell, bidirectional=bidirectional)
    data = given(layer, steps, batch)
    whole = run(layer, data)
    alone = [run(layer, changed(data, lambda array, b=b: array[:, b : b + 1])) for b in range(batch)]
    grads = sum((one.pop("grads") for one in alone), np.zeros_like(layer.params.flat))
    assert_close({"grads": whole.pop("grads")}, {"grads": grads}, 1e-12)
    for name, array in whole.items():
        assert array.shape[1] == batch
        for b in range(batch):
            np.testing.assert_allclose(array[:, b : b + 1], alone[b][name], rtol=0, atol=1e-13)
    if steps == 0:
        for part, given_part in zip("hc", parts(data.state), strict=False):
            np.testing.assert_array_equal(whole[part], given_part)
        for part, given_part in zip("hc", parts(data.dstate), strict=False):
            np.testing.assert_array_equal(whole[f"d{part}"], given_part)


def test_a_layer_prints_what_it_is():
    layer = LSTM(3, 4, peepholes=True)
    assert "LSTM(3, 4, num_layers=1, bidirectional=False" in repr(layer)
    assert "140 parameters, float32" in repr(layer)
