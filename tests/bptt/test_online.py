"""RTRL against backward; UORO's mean over every sign pattern against backward."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from layers.recurrent_cases import CELLS, assert_close, every_cell, given, make, parts

from npseq import GRU, LSTM, RNN, Bidirectional
from npseq.online.rtrl import rtrl, uoro

T, B = 5, 3
LENGTHS = np.array([3, 0, 5])
ragged = pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "ragged"])


def same_state(found, expected):
    for a, b in zip(parts(found), parts(expected), strict=True):
        np.testing.assert_array_equal(a, b)


@ragged
@pytest.mark.parametrize("layers", [1, 2, 3])
@every_cell
def test_rtrl_is_backward(cell, layers, lengths):
    layer = make(cell, num_layers=layers)
    data = given(layer, T, B)
    y, state, tape = layer.forward(data.x, data.state, lengths)
    found = rtrl(layer, data.x, data.dy, data.state, lengths, data.dstate)
    assert_close(found.grads, dict(layer.backward(data.dy, tape, data.dstate)[2]), 1e-12)
    np.testing.assert_array_equal(found.y, y)
    same_state(found.state, state)


@every_cell
def test_influence_is_the_states_derivative(cell):
    """Handed a basis of the last state, backward gives its rows."""
    layer = make(cell, num_layers=1)
    data = given(layer, T, B)
    tape = layer.forward(data.x, data.state)[2]
    found = rtrl(layer, data.x, 0 * data.dy, data.state)
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
def test_rtrl_goes_on_where_it_ended(cell):
    layer = make(cell)
    data = given(layer, T, B)
    whole = rtrl(layer, data.x, data.dy, data.state, dstate=data.dstate)
    first = rtrl(layer, data.x[:2], data.dy[:2], data.state)
    second = rtrl(layer, data.x[2:], data.dy[2:], first.state, dstate=data.dstate, influence=first.influence)
    both = {name: first.grads[name] + second.grads[name] for name in layer.params}
    assert_close(both, dict(whole.grads), 1e-12)


@pytest.mark.parametrize("method", [rtrl, uoro])
def test_the_loss_may_be_known_only_then(method):
    layer = make("lstm", num_layers=1)
    data = given(layer, T, B)
    y = layer.forward(data.x)[0]
    seed = {} if method is rtrl else {"rng": 0}
    online = method(layer, data.x, lambda t, y: (t + 1) * y, **seed)
    arrays = method(layer, data.x, np.arange(1, T + 1)[:, None, None] * y, **seed)
    np.testing.assert_array_equal(online.grads.flat, arrays.grads.flat)


@pytest.mark.parametrize("size", [5, 200])
def test_rtrl_of_token_ids(size):
    layer = GRU(size, 3, dtype=np.float64, rng=0)
    rng = np.random.default_rng(0)
    ids, dy = rng.integers(0, size, (T, B)), rng.normal(size=(T, B, 3))
    expected = layer.backward(dy, layer.forward(ids)[2])[2]
    assert_close(rtrl(layer, ids, dy).grads, dict(expected), 1e-12)


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


def test_uoro_runs_forward_and_its_seed_fixes_it():
    layer = make("lstm both", num_layers=2)
    data = given(layer, T, B)
    y, state, _ = layer.forward(data.x, data.state, LENGTHS)
    first, again = (uoro(layer, data.x, data.dy, data.state, LENGTHS, rng=3) for _ in range(2))
    other = uoro(layer, data.x, data.dy, data.state, LENGTHS, rng=4)
    np.testing.assert_array_equal(first.y, y)
    same_state(first.state, state)
    np.testing.assert_array_equal(first.grads.flat, again.grads.flat)
    assert (first.grads.flat != other.grads.flat).any()


def test_uoro_goes_on_where_it_ended():
    layer = make("gru after", num_layers=1)
    data = given(layer, T, B)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (T, *data.state.shape))
    whole = uoro(layer, data.x, data.dy, data.state, signs=list(signs))
    first = uoro(layer, data.x[:2], data.dy[:2], data.state, signs=list(signs[:2]))
    second = uoro(layer, data.x[2:], data.dy[2:], first.state, influence=first.influence, signs=list(signs[2:]))
    np.testing.assert_allclose(first.grads.flat + second.grads.flat, whole.grads.flat, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("method", [rtrl, uoro])
def test_a_dtype_stays_and_nothing_is_written_on(method):
    layer = make("lstm both", dtype=np.float32)
    data = given(layer, T, B)
    kept = [array.copy() for array in (layer.params.flat, data.x, data.dy, *data.state)]
    found = method(layer, data.x, data.dy, data.state)
    assert {found.grads.flat.dtype, found.y.dtype, found.state[0].dtype} == {np.dtype(np.float32)}
    for array, before in zip((layer.params.flat, data.x, data.dy, *data.state), kept, strict=True):
        np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("method", [rtrl, uoro])
@pytest.mark.parametrize(("steps", "batch"), [(0, 2), (2, 0), (1, 1)])
def test_small_sizes(method, steps, batch):
    layer = make("lstm")
    data = given(layer, steps, batch)
    found = method(layer, data.x, data.dy, data.state, dstate=data.dstate)
    assert found.y.shape == (steps, batch, 4)
    assert (steps * batch == 0) == (not found.grads.flat.any())


@pytest.mark.parametrize(("method", "name"), [(rtrl, "rtrl"), (uoro, "uoro")])
def test_refusals(method, name):
    x = np.zeros((3, 2, 2))
    both = RNN(2, 3, bidirectional=True, dtype=np.float64)
    pair = Bidirectional(LSTM(2, 3, dtype=np.float64), LSTM(2, 3, dtype=np.float64))
    message = f"{name} needs a layer of one direction, got .* or backward for the gradient"
    for layer in (both, pair):
        with pytest.raises(ValueError, match=message):
            method(layer, x, x)
    layer = RNN(2, 3, dtype=np.float64)
    with pytest.raises(ValueError, match=r"dy must have shape \(2, 3\) at each step, got \(2, 4\) at step 0"):
        method(layer, x, np.zeros((3, 2, 4)))


def test_uoro_refuses_too_few_signs():
    layer = RNN(2, 3, dtype=np.float64)
    with pytest.raises(ValueError, match="signs must hold one state a step, 3, got 1"):
        uoro(layer, np.zeros((3, 1, 2)), np.zeros((3, 1, 3)), signs=[np.ones((1, 1, 3))])


def test_rtrl_says_how_much_it_would_need():
    layer = LSTM(64, 256, rng=0)
    message = r"rtrl's influence of 328704 parameters on 512 states would need about 40.1 GiB, .*or use uoro"
    with pytest.raises(MemoryError, match=message):
        rtrl(layer, np.zeros((10, 32, 64), np.float32), np.zeros((10, 32, 256), np.float32))
