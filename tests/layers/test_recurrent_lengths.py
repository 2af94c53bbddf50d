"""Sequences of different lengths in one batch: each comes out as it would alone, and its padding does not exist."""

from __future__ import annotations

import numpy as np
import pytest
from layers.recurrent_cases import (
    assert_close,
    assert_same_bits,
    both_directions,
    changed,
    every_cell,
    given,
    make,
    parts,
    run,
)

T, B = 5, 5
LENGTHS = np.array([3, 0, 5, 1, 3])
PADDED = np.arange(T)[:, None] >= LENGTHS
every_depth = pytest.mark.parametrize("layers", [1, 3])


@every_cell
@both_directions
@every_depth
def test_each_padded_sequence_is_as_it_is_alone(cell, bidirectional, layers):
    layer = make(cell, num_layers=layers, bidirectional=bidirectional)
    data = given(layer, T, B)
    whole = run(layer, data, LENGTHS)
    total = np.zeros_like(layer.params.flat)
    for b, length in enumerate(LENGTHS):
        one = changed(data, lambda array, b=b: array[:, b : b + 1])
        alone = run(layer, one._replace(x=one.x[:length], dy=one.dy[:length]))
        total += alone.pop("grads")
        for name, array in alone.items():
            mine = whole[name][: len(array), b : b + 1]
            np.testing.assert_allclose(mine, array, rtol=0, atol=1e-12 * np.abs(whole[name]).max(), err_msg=name)
    assert_close({"grads": whole["grads"]}, {"grads": total}, 1e-12)


@every_cell
@both_directions
@every_depth
def test_padding_is_exactly_zero_and_lets_nothing_through(cell, bidirectional, layers):
    """Whatever stands in x and dy past a length, NaN and infinity included, every bit stays the same."""
    layer = make(cell, num_layers=layers, bidirectional=bidirectional)
    data = given(layer, T, B)
    clean = run(layer, data, LENGTHS)
    for name in ("y", "dx"):
        np.testing.assert_array_equal(clean[name][PADDED], 0)
    for value in (np.nan, np.inf, 1e300):
        x, dy = data.x.copy(), data.dy.copy()
        x[PADDED] = dy[PADDED] = value
        assert_same_bits(run(layer, data._replace(x=x, dy=dy), LENGTHS), clean)


@every_cell
@both_directions
def test_a_sequence_of_length_zero_hands_its_state_through(cell, bidirectional):
    layer = make(cell, bidirectional=bidirectional)
    data = given(layer, T, B)
    out = run(layer, data, LENGTHS)
    for k, name in enumerate(["h", "c"][: len(parts(data.state))]):
        np.testing.assert_array_equal(out[name][:, 1], parts(data.state)[k][:, 1])
        np.testing.assert_array_equal(out[f"d{name}"][:, 1], parts(data.dstate)[k][:, 1])


@every_cell
def test_the_last_state_is_that_of_each_last_step(cell):
    """Forward strands end at a sequence's last step, reverse strands at its first."""
    layer = make(cell, num_layers=1, bidirectional=True)
    data, P = given(layer, T, B), layer.state_size
    out = run(layer, data, LENGTHS)
    for b, length in enumerate(LENGTHS):
        if length:
            np.testing.assert_array_equal(out["h"][0, b], out["y"][length - 1, b, :P])
            np.testing.assert_array_equal(out["h"][1, b], out["y"][0, b, P:])


@every_cell
@both_directions
def test_full_lengths_are_no_lengths(cell, bidirectional):
    layer = make(cell, bidirectional=bidirectional)
    data = given(layer, T, B)
    assert_same_bits(run(layer, data, np.full(B, T)), run(layer, data))
    assert_same_bits(run(layer, data, LENGTHS.astype(np.uint8)), run(layer, data, LENGTHS))


@every_cell
def test_where_all_lengths_are_zero_only_the_state_is_left(cell):
    layer = make(cell, bidirectional=True)
    data = given(layer, T, B)
    out = run(layer, data, np.zeros(B, int))
    for name in ("y", "dx", "grads"):
        np.testing.assert_array_equal(out[name], 0)
    np.testing.assert_array_equal(out["h"], parts(data.state)[0])
    np.testing.assert_array_equal(out["dh"], parts(data.dstate)[0])


@every_cell
def test_the_order_of_sequences_does_not_matter(cell):
    layer = make(cell, bidirectional=True)
    data, order = given(layer, T, B), np.array([4, 2, 0, 1, 3])
    out = run(layer, data, LENGTHS)
    mixed = run(layer, changed(data, lambda array: array[:, order]), LENGTHS[order])
    expected = {name: array if name == "grads" else array[:, order] for name, array in out.items()}
    assert_close(mixed, expected, 1e-12)
