"""What holds for every recurrent layer, whatever its options, sizes, lengths and the memory layout of its inputs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layers.layouts import LAYOUTS, few, read_only
from layers.recurrent_cases import CELLS, Given, assert_close, assert_same_bits, changed, make, outcome, parts
from layers.recurrent_cases import given as draw_given

import npseq as ns
from npseq.layers import LSTM


@st.composite
def layers(draw):
    cell = draw(st.sampled_from(sorted(CELLS)))
    hidden = draw(st.integers(3 if "proj_size" in CELLS[cell][1] else 1, 4))
    options = {
        "num_layers": draw(st.integers(1, 3)),
        "bidirectional": draw(st.booleans()),
        "bias": draw(st.booleans()),
        "dtype": draw(st.sampled_from([np.float32, np.float64])),
        "rng": draw(st.integers(0, 9)),
    }
    return make(cell, draw(st.integers(1, 4)), hidden, **options)


@st.composite
def problems(draw, smallest=0):
    """A layer, numbers for all that it takes, and lengths or None."""
    layer = draw(layers())
    steps, batch = draw(st.integers(smallest, 4)), draw(st.integers(smallest, 3))
    lengths = draw(st.none() | st.lists(st.integers(0, steps), min_size=batch, max_size=batch))
    numbers = draw_given(layer, steps, batch, seed=draw(st.integers(0, 9)))
    return layer, numbers, None if lengths is None else np.array(lengths, dtype=np.int64)


def once(layer, numbers, lengths):
    y, state, tape = layer.forward(numbers.x, numbers.state, lengths)
    return outcome(y, state, *layer.backward(numbers.dy, tape, numbers.dstate))


# memory layout -------------------------------------------------------------------------------------------------------


@few(40)
@given(problems(), st.sampled_from(LAYOUTS))
def test_the_memory_layout_makes_no_difference(problem, layout):
    layer, numbers, lengths = problem
    found = once(layer, changed(numbers, layout), None if lengths is None else layout(lengths[None])[0])
    assert_close(found, once(layer, numbers, lengths), 1e-5 if layer.dtype == np.float32 else 1e-13)


@few(40)
@given(problems())
def test_no_argument_is_written_on_and_bits_repeat(problem):
    """Two forwards, then two backwards on each tape, everything read-only and compared with copies."""
    layer, numbers, lengths = problem
    kept, flat = changed(numbers, np.copy), layer.params.flat.copy()
    layer.params.flat.flags.writeable = False
    locked = changed(numbers, read_only)
    lengths = None if lengths is None else read_only(lengths)
    first, second = (layer.forward(locked.x, locked.state, lengths) for _ in range(2))
    found = [
        outcome(y, state, *layer.backward(locked.dy, tape, locked.dstate))
        for y, state, tape in (first, second, first, second)
    ]
    for again in found[1:]:
        assert_same_bits(again, found[0])
    for given_, before in zip(locked, kept, strict=True):
        for array, copy in zip(parts(given_), parts(before), strict=True):
            np.testing.assert_array_equal(array, copy)
    np.testing.assert_array_equal(layer.params.flat, flat)


# what backward may be left without -----------------------------------------------------------------------------------


def without(numbers, missing):
    """Upstream gradients left out, and the zeros that they stand for."""
    dy, dstate = numbers.dy, numbers.dstate
    zero = changed(numbers, np.zeros_like)
    dh, *dc = parts(dstate)
    if missing == "dy":
        return numbers._replace(dy=None), numbers._replace(dy=zero.dy)
    if missing == "dstate":
        return numbers._replace(dstate=None), numbers._replace(dstate=zero.dstate)
    if missing == "both":
        return numbers._replace(dy=None, dstate=None), numbers._replace(dy=zero.dy, dstate=zero.dstate)
    if not dc:
        return numbers, numbers
    return numbers._replace(dy=dy, dstate=(dh, None)), numbers._replace(dy=dy, dstate=(dh, np.zeros_like(dc[0])))


@few(30)
@given(problems(), st.sampled_from(["dy", "dstate", "both", "dc"]))
def test_a_missing_output_gradient_is_zeros(problem, missing):
    layer, numbers, lengths = problem
    left_out, zeros = without(numbers, missing)
    assert_same_bits(once(layer, left_out, lengths), once(layer, zeros, lengths))


@few(20)
@given(problems())
def test_gradients_are_linear_in_what_comes_from_above(problem):
    layer, numbers, lengths = problem
    whole = once(layer, numbers, lengths)
    upper = once(layer, numbers._replace(dstate=None), lengths)
    lower = once(layer, numbers._replace(dy=None), lengths)
    names = [name for name in whole if name in ("dx", "dh", "dc", "grads")]
    tolerance = 1e-5 if layer.dtype == np.float32 else 1e-13
    for name in names:
        scale = max(np.abs(part[name]).max(initial=0) for part in (whole, upper, lower))
        np.testing.assert_allclose(upper[name] + lower[name], whole[name], rtol=0, atol=tolerance * scale)


# shapes, lengths, sequences ------------------------------------------------------------------------------------------


@few(40)
@given(problems())
def test_shapes_dtypes_and_padding_are_as_documented(problem):
    layer, numbers, lengths = problem
    found, grads = once(layer, numbers, lengths), layer.params
    steps, batch = numbers.x.shape[:2]
    assert found["y"].shape == (steps, batch, layer.output_size)
    assert found["dx"].shape == numbers.x.shape
    assert found["grads"].shape == grads.flat.shape
    for name, state in zip(("h", "c"), parts(numbers.state), strict=False):
        assert found[name].shape == found[f"d{name}"].shape == state.shape
    assert {value.dtype for value in found.values()} == {layer.dtype}
    if lengths is not None:
        past = np.arange(steps)[:, None] >= lengths
        assert not found["y"][past].any()
        assert not found["dx"][past].any()
        empty = lengths == 0
        for name, (state, dstate) in zip(
            ("h", "c"), zip(parts(numbers.state), parts(numbers.dstate), strict=True), strict=False
        ):
            np.testing.assert_array_equal(found[name][:, empty], state[:, empty])
            np.testing.assert_array_equal(found[f"d{name}"][:, empty], dstate[:, empty])


@few(30)
@given(problems(smallest=1))
def test_each_sequence_alone_is_the_batch(problem):
    """Up to its own length, without the others and without padding; parameters' gradients add up."""
    layer, numbers, lengths = problem
    whole = once(layer, numbers, lengths)
    own = np.full(numbers.x.shape[1], len(numbers.x)) if lengths is None else lengths
    tolerance = 1e-5 if layer.dtype == np.float32 else 1e-13
    scale = {name: np.abs(value).max(initial=0) for name, value in whole.items()}
    total = np.zeros_like(whole["grads"])
    for b, length in enumerate(own.tolist()):
        cut = Given(*(tuple(p[:, b : b + 1] for p in v) if isinstance(v, tuple) else v[:, b : b + 1] for v in numbers))
        alone = once(layer, cut._replace(x=cut.x[:length], dy=cut.dy[:length]), None)
        total += alone.pop("grads")
        for name, value in alone.items():
            wanted = whole[name][:length, b] if name in ("y", "dx") else whole[name][:, b]
            np.testing.assert_allclose(value[:, 0], wanted, rtol=0, atol=tolerance * scale[name], err_msg=name)
    np.testing.assert_allclose(total, whole["grads"], rtol=0, atol=3 * tolerance * scale["grads"])


# the check itself ----------------------------------------------------------------------------------------------------


@st.composite
def small_problems(draw):
    """Few enough numbers for a check of every entry."""
    cell = draw(st.sampled_from(sorted(CELLS)))
    shape = draw(st.sampled_from([(1, False), (1, True), (2, False)]))
    hidden = 2 if "proj_size" not in CELLS[cell][1] else 3
    layer = make(cell, 1, hidden, num_layers=shape[0], bidirectional=shape[1], bias=draw(st.booleans()), rng=4)
    steps, batch = draw(st.integers(0, 3)), draw(st.integers(0, 2))
    lengths = draw(st.none() | st.lists(st.integers(0, steps), min_size=batch, max_size=batch))
    numbers = draw_given(layer, steps, batch, seed=draw(st.integers(0, 9)))
    truncation = draw(st.none() | st.integers(1, 4).map(ns.Truncated))
    return layer, numbers, None if lengths is None else np.array(lengths, dtype=np.int64), truncation


@few(12)
@given(small_problems())
def test_gradcheck_layer_passes(problem):
    layer, numbers, lengths, truncation = problem
    report = ns.gradcheck_layer(layer, numbers.x, numbers.state, lengths, truncation=truncation)
    assert report, report


def test_an_lstm_state_may_lack_either_half():
    layer = make("lstm both", num_layers=1)
    assert isinstance(layer, LSTM)
    numbers = draw_given(layer, 3, 2)
    h, c = numbers.state
    zeros = once(layer, numbers._replace(state=(h, np.zeros_like(c))), None)
    assert_same_bits(once(layer, numbers._replace(state=(h, None)), None), zeros)


@pytest.mark.parametrize("batch", [0, 1, 2])
@pytest.mark.parametrize("steps", [0, 1])
@pytest.mark.parametrize("cell", ["gru after", "lstm both"])
def test_the_smallest_sizes_pass_the_check(cell, steps, batch):
    layer = make(cell, 2, 3, num_layers=1)
    numbers = draw_given(layer, steps, batch)
    assert ns.gradcheck_layer(layer, numbers.x, numbers.state)
