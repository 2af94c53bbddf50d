"""From the user's (T, B, features) to the strands' (T, features, B), and back."""

import numpy as np
import pytest

from npseq.bptt.loop import Adjoints
from npseq.bptt.workspace import Workspace
from npseq.layers import GRU
from npseq.layers.features import (
    at_lag_zero,
    batch_major,
    by_direction,
    in_order,
    lag_sum,
    lag_sums,
    outputs,
    write_inputs,
)

T, B, P = 4, 3, 2


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def test_the_reverse_direction_reads_from_the_last_step():
    assert in_order((1, 2, 3), 0) == (1, 2, 3)
    assert in_order((1, 2, 3), 1) == (3, 2, 1)
    x = numbers(T, B)
    np.testing.assert_array_equal(in_order(in_order(x, 1), 1), x)


@pytest.mark.parametrize("d", [0, 1])
def test_features_are_written_side_by_side(d):
    first, second, rows = numbers(T, 2, B), numbers(T, 3, B, seed=1), np.full((T, 5, B), np.nan)
    write_inputs(rows, [first, second], None, d, np)
    expected = np.concatenate([first, second], axis=1)
    np.testing.assert_array_equal(rows, expected[::-1] if d else expected)


@pytest.mark.parametrize("d", [0, 1])
def test_ids_are_written_as_one_hot_columns(d):
    ids, rows = np.random.default_rng(0).integers(0, 5, (T, B)), np.full((T, 5, B), np.nan)
    write_inputs(rows, [], ids, d, np)
    for t in range(T):
        for b in range(B):
            expected = [float(k == ids[T - 1 - t if d else t, b]) for k in range(5)]
            np.testing.assert_array_equal(rows[t, :, b], expected)


@pytest.mark.parametrize("d", [0, 1])
def test_outputs_are_the_states_after_each_step_in_natural_time(d):
    layer = GRU(2, P, bidirectional=True, dtype=np.float64, rng=0)
    strand = layer.forward(numbers(T, B, 2))[2].strands[0][d]
    found = outputs(strand, P, d, None)
    for t in range(T):
        np.testing.assert_array_equal(found[t], strand.s[T - t if d else t + 1, :P])
    mask = np.array([[True, True, False]] * 2 + [[True, False, False]] * 2)
    masked = outputs(strand, P, d, mask)
    np.testing.assert_array_equal(masked, found * mask[:, None])


def test_batch_major_joins_directions_and_is_read_only_on_the_host():
    first, second = numbers(T, 2, B), numbers(T, 3, B, seed=1)
    y = batch_major([first, second], np)
    np.testing.assert_array_equal(y, np.concatenate([first, second], axis=1).transpose(0, 2, 1))
    with pytest.raises(ValueError, match="read-only"):
        y[...] = 0
    assert np.shares_memory(batch_major([first], np), first)


@pytest.mark.parametrize("directions", [1, 2])
def test_what_is_past_a_length_is_zero_by_direction_also_where_it_is_nan(directions):
    lengths = np.array([2, 0, 4])
    layer = GRU(2, P, bidirectional=directions == 2, dtype=np.float64, rng=0)
    tape, dy = layer.forward(numbers(T, B, 2), lengths=lengths)[2], numbers(T, B, directions * P)
    over = np.arange(T)[:, None] >= lengths
    dy[over] = np.nan
    given = dy.copy()
    for workspace in (None, Workspace()):
        found = by_direction(dy, tape, directions, None, workspace)
        assert len(found) == directions
        for d, part in enumerate(found):
            expected = np.where(over[..., None], 0, dy[..., d * P : (d + 1) * P])
            np.testing.assert_array_equal(part.transpose(0, 2, 1), expected)
    np.testing.assert_array_equal(dy, given)


def test_without_lengths_a_direction_is_a_view():
    layer, dy = GRU(2, P, bidirectional=True, dtype=np.float64, rng=0), numbers(T, B, 2 * P)
    tape = layer.forward(numbers(T, B, 2))[2]
    for part in by_direction(dy, tape, 2, None, None):
        assert np.shares_memory(part, dy)
    with_lags = by_direction(dy, tape, 2, 3, None)
    np.testing.assert_array_equal(with_lags[1][:, :, 0], dy[..., P:].transpose(0, 2, 1))
    np.testing.assert_array_equal(with_lags[1][:, :, 1:], 0)


def test_everything_starts_at_lag_zero():
    array = numbers(P, B)
    assert at_lag_zero(array, None) is array
    found = at_lag_zero(array, 3)
    assert found.shape == (P, 3, B)
    np.testing.assert_array_equal(found[:, 0], array)
    np.testing.assert_array_equal(found[:, 1:], 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64])
def test_lags_are_summed_with_a_weight_each_and_the_dtype_stays(dtype):
    array, weights = numbers(P, 3, B).astype(dtype), np.array([1.0, 0.5, 2.0])
    assert lag_sum(array, None) is array
    found = lag_sum(array, weights)
    assert found.dtype == dtype
    expected = array[:, 0] + 0.5 * array[:, 1] + 2 * array[:, 2]
    np.testing.assert_allclose(found, expected, rtol=0, atol=8 * np.finfo(dtype).eps)


def test_adjoints_are_summed_field_by_field():
    adjoints = Adjoints(numbers(1, P, T, 2, B), None, numbers(P, 2, B), None)
    assert lag_sums(adjoints, None) is adjoints
    found = lag_sums(adjoints, np.array([1.0, -1.0]))
    np.testing.assert_allclose(found.da, adjoints.da[..., 0, :] - adjoints.da[..., 1, :], rtol=0, atol=1e-15)
    np.testing.assert_allclose(found.dh, adjoints.dh[:, 0] - adjoints.dh[:, 1], rtol=0, atol=1e-15)
    assert (found.dv, found.dc) == (None, None)
