"""Every part of a ledger against the gradient it is a part of, found another way, for every cell and shape."""

import numpy as np
import pytest
from layers.recurrent_cases import assert_close, both_directions, every_cell, given, make, parts
from ledger_cases import B, T, case, depths, either, norm, ragged, row

from npseq import LSTM, RNN, Linear, Truncated
from npseq.inspect import adjoint_norms, lag_norms, ledger, pair_norms, tail_norms


def summed(part):
    return {name: value.sum(axis=0) for name, value in part.items()}


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
    """Read backwards with the directions' parameters exchanged, everything is the same but reversed in time."""
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
    reversed_ = ledger(other, dy, other.forward(x, state)[2])
    for name, value in found.per_step.items():
        twin = name.removesuffix("_reverse") if name.endswith("_reverse") else f"{name}_reverse"
        np.testing.assert_allclose(reversed_.per_step[twin][::-1], value, rtol=0, atol=1e-12 * np.abs(value).max())
    np.testing.assert_allclose(reversed_.pair_norms[::-1, ::-1], found.pair_norms, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(reversed_.crossing_norms[::-1], found.crossing_norms, rtol=1e-9, atol=1e-9)


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
def test_no_steps_no_sequences_and_one_of_each_have_a_ledger(steps, batch):
    layer = make("lstm", num_layers=1)
    data = given(layer, steps, batch)
    found = ledger(layer, data.dy, layer.forward(data.x)[2])
    assert found.per_step["W_hf"].shape == (steps, 4, 4)
    assert found.per_example["W_hf"].shape == (batch, 4, 4)
    assert found.pair_norms.shape == (steps, steps)


def test_the_error_names_how_much_memory_it_would_need_and_how_to_need_less():
    layer = RNN(3, 64, dtype=np.float64, rng=0)
    tape = layer.forward(np.zeros((200, 4, 3)))[2]
    message = "this ledger would need about .* MiB, more than max_bytes allows .1 MiB.; give a smaller max_lag"
    with pytest.raises(MemoryError, match=message):
        ledger(layer, np.zeros((200, 4, 64)), tape, max_bytes=1 << 20)
    ledger(layer, np.zeros((200, 4, 64)), tape, max_bytes=1 << 26, max_lag=2, names="b_h", pairs=False)


def test_a_name_a_lag_a_layer_or_a_shape_that_does_not_fit_is_refused():
    layer, data, tape = case("lstm", 2)
    with pytest.raises(ValueError, match=r"names must be of W_xo, .*got \['W_xr'\]"):
        ledger(layer, data.dy, tape, names=["W_xr"])
    with pytest.raises(ValueError, match="max_lag must be a positive integer, got 0"):
        ledger(layer, data.dy, tape, max_lag=0)
    with pytest.raises(TypeError, match="layer must be an RNN, GRU, LSTM or Bidirectional layer, got Linear"):
        ledger(Linear(2, 3), data.dy, tape)
    with pytest.raises(ValueError, match=r"dy must have shape \(5, 3, 3\)"):
        ledger(layer, data.dy[:2], tape)


def test_its_repr_names_sizes_norm_and_parameters():
    layer, data, tape = case("rnn tanh")
    text = repr(ledger(layer, data.dy, tape))
    assert text.startswith("Ledger: T = 5, K = 5 lags, B = 3, gradient norm ")
    assert "W_hh: (3, 3)" in text


def test_norms_of_lags_and_of_adjoints():
    layer, data, tape = case("lstm", 2)
    found = ledger(layer, data.dy, tape, pairs=False)
    by_hand = [norm(row(found.per_lag, k)) for k in range(T)]
    np.testing.assert_allclose(lag_norms(found), by_hand, rtol=1e-12)
    np.testing.assert_allclose(adjoint_norms(found, "c_l1") ** 2, (found.adjoints["c_l1"] ** 2).sum(axis=(1, 2)))
    for norms in (lag_norms, adjoint_norms, tail_norms):
        with pytest.raises(TypeError, match=r"ledger must be what inspect.ledger returned, got dict"):
            norms({})


def test_views_are_made_once(monkeypatch):
    """The tables take the views of the ledger; they do not check its arguments again."""
    layer, data, tape = case("lstm")
    calls = []
    checked_state = type(layer).checked_state
    monkeypatch.setattr(type(layer), "checked_state", lambda *args: calls.append(args) or checked_state(*args))
    ledger(layer, data.dy, tape)
    assert len(calls) == 1
