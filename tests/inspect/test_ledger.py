"""Every part of a ledger against the gradient it is a part of, found another way, for every cell and shape."""

from __future__ import annotations

import numpy as np
import pytest
from layers.recurrent_cases import CELLS, assert_close, both_directions, every_cell, given, make, parts

from npseq import GRU, LSTM, RNN, Bidirectional, Linear, Truncated
from npseq.inspect import crossing_norms, ledger, pair_norms

T, B = 5, 3
LENGTHS = np.array([3, 0, 5])
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


def summed(part):
    return {name: value.sum(axis=0) for name, value in part.items()}


def row(part, k):
    return {name: value[k] for name, value in part.items()}


def norm(part):
    return np.sqrt(sum((value**2).sum() for value in part.values()))


@ragged
@both_directions
@pytest.mark.parametrize("layers", [1, 2, 3])
@every_cell
def test_every_part_adds_up_to_the_gradient(cell, layers, bidirectional, lengths):
    layer, data, tape = case(cell, layers, bidirectional, lengths)
    gradient = dict(layer.backward(data.dy, tape, data.dstate)[2])
    found = ledger(layer, data.dy, tape, data.dstate, pairs=False)
    assert_close(found.gradient, gradient, 1e-12)
    assert_close(summed(found.per_step), gradient, 1e-12)
    assert_close(summed(found.per_lag), gradient, 1e-12)
    assert_close(summed(found.per_example), gradient, 1e-12)
    assert not any(value.any() for value in found.longer.values())


@ragged
@both_directions
@pytest.mark.parametrize("layers", [1, 2, 3])
@every_cell
def test_a_lag_is_what_one_step_more_of_truncation_adds(cell, layers, bidirectional, lengths):
    layer, data, tape = case(cell, layers, bidirectional, lengths)
    found = ledger(layer, data.dy, tape, data.dstate, pairs=False)
    gradient = dict(layer.backward(data.dy, tape, data.dstate)[2])
    scale = max(np.abs(value).max() for value in gradient.values())
    before = {name: 0 * value for name, value in gradient.items()}
    for k in range(len(found.per_lag["b_h" if "rnn" in cell else "W_xr" if "gru" in cell else "W_xi"])):
        upto = dict(layer.backward(data.dy, tape, data.dstate, Truncated(k + 1))[2])
        for name, value in row(found.per_lag, k).items():
            np.testing.assert_allclose(value, upto[name] - before[name], rtol=0, atol=1e-13 * scale, err_msg=name)
        before = upto


@depths
@every_cell
def test_a_step_is_the_gradient_of_a_chunk_of_one_step(cell, layers):
    """Forward and backward step by step, the state's gradient handed back: each step's own gradient falls out."""
    layer, data, tape = case(cell, layers)
    found = ledger(layer, data.dy, tape, data.dstate, pairs=False)
    state, tapes = data.state, []
    for t in range(T):
        _, state, step = layer.forward(data.x[t : t + 1], state)
        tapes.append(step)
    dstate = data.dstate
    for t in reversed(range(T)):
        _, dstate, grads = layer.backward(data.dy[t : t + 1], tapes[t], dstate)
        assert_close(row(found.per_step, t), dict(grads), 1e-12)


@every_cell
def test_steps_are_counted_in_the_time_of_x(cell):
    """Read backwards with the directions' parameters exchanged, everything is the same but turned in time."""
    layer, data, tape = case(cell, bidirectional=True)
    found = ledger(layer, data.dy, tape)
    other = layer.astype(np.float64)
    size = layer.state_size
    for name in layer.params:
        if not name.endswith("_reverse"):
            other.params[name], other.params[f"{name}_reverse"] = layer.params[f"{name}_reverse"], layer.params[name]
    swapped = tuple(part[::-1] for part in parts(data.state))
    x, dy = data.x[::-1], np.concatenate([data.dy[..., size:], data.dy[..., :size]], axis=2)[::-1]
    state = swapped if len(swapped) == 2 else swapped[0]
    turned = ledger(other, dy, other.forward(x, state)[2])
    for name, value in found.per_step.items():
        twin = name.removesuffix("_reverse") if name.endswith("_reverse") else f"{name}_reverse"
        np.testing.assert_allclose(turned.per_step[twin][::-1], value, rtol=0, atol=1e-12 * np.abs(value).max())
    np.testing.assert_allclose(turned.pair_norms[::-1, ::-1], found.pair_norms, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(turned.crossing_norms[::-1], found.crossing_norms, rtol=1e-9, atol=1e-9)


@ragged
@both_directions
@every_cell
def test_an_example_is_the_gradient_with_all_others_silent(cell, bidirectional, lengths):
    layer, data, tape = case(cell, 2, bidirectional, lengths)
    found = ledger(layer, data.dy, tape, data.dstate, pairs=False)
    for b in range(B):
        alone = np.zeros(B)
        alone[b] = 1
        dstate = tuple(part * alone[:, None] for part in parts(data.dstate))
        dstate = dstate if len(dstate) == 2 else dstate[0]
        grads = layer.backward(data.dy * alone[:, None], tape, dstate)[2]
        assert_close(row(found.per_example, b), dict(grads), 1e-12)


@ragged
@both_directions
@depths
@every_cell
def test_a_pair_is_one_loss_at_one_step(cell, layers, bidirectional, lengths):
    layer, data, tape = case(cell, layers, bidirectional, lengths)
    table = pair_norms(layer, data.dy, tape)
    scale = table.max()
    for t in range(T):
        only = np.zeros_like(data.dy)
        only[t] = data.dy[t]
        alone = ledger(layer, only, tape, pairs=False)
        expected = [norm(row(alone.per_step, s)) for s in range(T)]
        np.testing.assert_allclose(table[t], expected, rtol=0, atol=1e-7 * scale)  # roots of sums that cancel


def test_pairs_of_one_sequence_are_exact_and_a_triangle():
    layer, data, tape = case("lstm", batch=1)
    found = ledger(layer, data.dy, tape)
    assert not np.triu(found.pair_norms, 1).any()
    for t in range(T):
        only = np.zeros_like(data.dy)
        only[t] = data.dy[t]
        alone = ledger(layer, only, tape, pairs=False)
        expected = [norm(row(alone.per_step, s)) for s in range(T)]
        np.testing.assert_allclose(found.pair_norms[t], expected, rtol=1e-12)


@both_directions
def test_a_last_state_counts_to_the_step_that_made_it(bidirectional):
    layer, data, tape = case("lstm", 1, bidirectional, LENGTHS)
    table = pair_norms(layer, None, tape, data.dstate)
    assert table.any(axis=1).tolist() == [bidirectional, False, True, False, True]


@pytest.mark.parametrize("bidirectional", [False, True])
def test_what_crosses_two_carries(bidirectional):
    """Losses from step j on, uses before step i, by leaving out losses and adding up steps."""
    layer, data, tape = case("gru after", 1, bidirectional, LENGTHS)
    table = crossing_norms(layer, data.dy, tape)
    assert table.shape == (layer.directions, T, T)
    for d, ending in enumerate(["", "_reverse"][: layer.directions]):
        for j in range(T):
            only = data.dy.copy()
            own = only[::-1] if d else only
            own[:j] = 0
            per_step = ledger(layer, only, tape, pairs=False).per_step
            mine = {n: v[::-1] if d else v for n, v in per_step.items() if n.endswith("_reverse") == bool(ending)}
            for i in range(T):
                expected = norm({n: v[:i].sum(axis=0) for n, v in mine.items()}) if i <= j else 0
                assert table[d, i, j] == pytest.approx(expected, rel=1e-11, abs=1e-13)


@both_directions
@depths
@every_cell
def test_adjoints_of_the_states_explain_the_gradients_of_the_biases(cell, layers, bidirectional):
    """Each cell's last equation, one sequence: (R2), (G7), (L4) and (L6)."""
    layer, data, tape = case(cell, layers, bidirectional, batch=1)
    found = ledger(layer, data.dy, tape, data.dstate, pairs=False)
    g, dh, step = found.gates, found.adjoints, found.per_step
    for ending in [n.removeprefix("h") for n in found.states if n.startswith("h")]:
        h, dh = found.states[f"h{ending}"][:, 0], found.adjoints[f"h{ending}"][:, 0]
        if cell == "rnn tanh":
            expected = {f"b_h{ending}": dh * (1 - h**2)}
        elif cell == "rnn relu":
            expected = {f"b_h{ending}": dh * (h > 0)}
        elif "gru" in cell:
            z, n = g[f"z{ending}"][:, 0], g[f"n{ending}"][:, 0]
            expected = {f"b_n{ending}": dh * (1 - z) * (1 - n**2)}
        else:
            i, o, new = (g[f"{gate}{ending}"][:, 0] for gate in "iog")
            c, dc = found.states[f"c{ending}"][:, 0], found.adjoints[f"c{ending}"][:, 0]
            expected = {f"b_g{ending}": dc * i * (1 - new**2)}
            if "proj_size" in CELLS[cell][1]:
                expected[f"W_hp{ending}"] = (o * np.tanh(c))[:, :, None] * dh[:, None]
            else:
                expected[f"b_o{ending}"] = dh * np.tanh(c) * o * (1 - o)
        assert_close({name: step[name] for name in expected}, expected, 1e-12)


@both_directions
def test_states_are_what_forward_returned(bidirectional):
    layer, data, tape = case("lstm", 2, bidirectional, LENGTHS)
    y, (h, c), tape = layer.forward(data.x, data.state, LENGTHS)
    found = ledger(layer, data.dy, tape, pairs=False)
    live = (np.arange(T)[:, None] < LENGTHS)[..., None]
    top = [found.states["h_l1"], found.states["h_l1_reverse"]] if bidirectional else [found.states["h_l1"]]
    np.testing.assert_array_equal(np.concatenate(top, axis=2) * live, y)
    np.testing.assert_array_equal(found.states["h"][-1], h[0])
    np.testing.assert_array_equal(found.states["c"][-1], c[0])
    assert found.states["h"].shape == (T, B, 3)
    endings = ["", "_l1", "_reverse", "_l1_reverse"] if bidirectional else ["", "_l1"]
    assert set(found.gates) == {f"{gate}{ending}" for gate in "oifg" for ending in endings}
    assert not found.adjoints["h"][~live[..., 0]].any()


@ragged
def test_two_layers_from_both_ends(lengths):
    layer, x, dy, dstate = either()
    tape = layer.forward(x, None, lengths)[2]
    gradient = dict(layer.backward(dy, tape, dstate)[2])
    found = ledger(layer, dy, tape, dstate)
    for part in (found.per_step, found.per_lag, found.per_example):
        assert_close(summed(part), gradient, 1e-12)
    table = pair_norms(layer, dy, tape)
    for t in range(T):
        only = np.zeros_like(dy)
        only[t] = dy[t]
        alone = ledger(layer, only, tape, pairs=False)
        expected = [norm(row(alone.per_step, s)) for s in range(T)]
        np.testing.assert_allclose(table[t], expected, rtol=0, atol=1e-7 * table.max())
    assert found.crossing_norms is None
    live = np.arange(T)[:, None, None] < np.array([T] * B if lengths is None else lengths)[:, None]
    h = np.concatenate([found.states["forward.h"], found.states["backward.h_l1"]], axis=2)
    np.testing.assert_array_equal(np.where(live, h, 0), layer.forward(x, None, lengths)[0])


@both_directions
@every_cell
def test_a_largest_lag_leaves_the_rest_together(cell, bidirectional):
    layer, data, tape = case(cell, 2, bidirectional)
    whole = ledger(layer, data.dy, tape, data.dstate, pairs=False)
    found = ledger(layer, data.dy, tape, data.dstate, max_lag=2, pairs=False)
    assert_close(found.per_lag, {name: value[:2] for name, value in whole.per_lag.items()}, 1e-12)
    rest = {name: value[2:].sum(axis=0) for name, value in whole.per_lag.items()}
    scale = max(np.abs(value).max() for value in whole.gradient.values())
    for name, value in found.longer.items():
        np.testing.assert_allclose(value, rest[name], rtol=0, atol=1e-13 * scale)


@pytest.mark.parametrize("size", [7, 200])
def test_token_ids_are_one_hot_columns(size):
    """Multiplied below a size, looked up above it: the parts are the same sums."""
    layer = LSTM(size, 3, dtype=np.float64, rng=0)
    rng = np.random.default_rng(0)
    ids, dy = rng.integers(0, size, (T, B)), rng.normal(size=(T, B, 3))
    by_id = ledger(layer, dy, layer.forward(ids)[2])
    by_column = ledger(layer, dy, layer.forward(np.eye(size)[ids])[2])
    for name in ("gradient", "per_step", "per_lag", "per_example"):
        assert_close(getattr(by_id, name), getattr(by_column, name), 1e-12)
    np.testing.assert_allclose(by_id.pair_norms, by_column.pair_norms, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(by_id.crossing_norms, by_column.crossing_norms, rtol=1e-12)


def test_only_the_parameters_named():
    layer, data, tape = case("lstm")
    whole, found = ledger(layer, data.dy, tape), ledger(layer, data.dy, tape, names=["W_hf", "b_f"])
    assert list(found.per_lag) == list(found.per_step) == ["W_hf", "b_f"]
    assert_close(found.per_lag, {name: whole.per_lag[name] for name in found.per_lag}, 0)
    assert (found.pair_norms <= whole.pair_norms).all()


def test_a_dtype_stays_and_nothing_is_written_on():
    layer, data, _ = case("lstm both", 2, True)
    layer = layer.astype(np.float32)
    x, dy = data.x.astype(np.float32), data.dy.astype(np.float32)
    kept = dy.copy(), layer.params.flat.copy()
    found = ledger(layer, dy, layer.forward(x)[2])
    arrays = [a for part in found if isinstance(part, dict) for a in part.values()] + [found.pair_norms]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(dy, kept[0])
    np.testing.assert_array_equal(layer.params.flat, kept[1])


@pytest.mark.parametrize(("steps", "batch"), [(0, 2), (3, 0), (1, 1)])
def test_small_sizes(steps, batch):
    layer = make("lstm", num_layers=1)
    data = given(layer, steps, batch)
    found = ledger(layer, data.dy, layer.forward(data.x)[2])
    assert found.per_step["W_hf"].shape == (steps, 4, 4)
    assert found.per_example["W_hf"].shape == (batch, 4, 4)
    assert found.pair_norms.shape == (steps, steps)


def test_it_says_how_much_it_would_need_and_how_to_need_less():
    layer = RNN(3, 64, dtype=np.float64, rng=0)
    tape = layer.forward(np.zeros((200, 4, 3)))[2]
    message = "this ledger would need about .* MiB, more than max_bytes allows .1 MiB.; give a smaller max_lag"
    with pytest.raises(MemoryError, match=message):
        ledger(layer, np.zeros((200, 4, 64)), tape, max_bytes=1 << 20)
    ledger(layer, np.zeros((200, 4, 64)), tape, max_bytes=1 << 26, max_lag=2, names="b_h", pairs=False)


def test_refusals():
    layer, data, tape = case("lstm", 2)
    with pytest.raises(ValueError, match=r"names must be of W_xo, .*got \['W_xr'\]"):
        ledger(layer, data.dy, tape, names=["W_xr"])
    with pytest.raises(ValueError, match="max_lag must be a positive integer, got 0"):
        ledger(layer, data.dy, tape, max_lag=0)
    with pytest.raises(ValueError, match="crossing norms are for one layer, got num_layers=2"):
        crossing_norms(layer, data.dy, tape)
    with pytest.raises(TypeError, match="layer must be an RNN, GRU, LSTM or Bidirectional layer, got Linear"):
        ledger(Linear(2, 3), data.dy, tape)
    with pytest.raises(ValueError, match=r"dy must have shape \(5, 3, 3\)"):
        ledger(layer, data.dy[:2], tape)


def test_it_prints_itself():
    layer, data, tape = case("rnn tanh")
    text = repr(ledger(layer, data.dy, tape))
    assert text.startswith("Ledger: T = 5, K = 5 lags, B = 3, gradient norm ")
    assert "W_hh: (3, 3)" in text
