"""The surrogate forward pass has the truncated gradient as its gradient, and refuses truncations that have none."""

from __future__ import annotations

import numpy as np
import pytest
from layercheck.small_layers import LENGTHS, B, D, T, numbers, small
from layers.recurrent_cases import parts

import npseq as ns
from npseq.bptt import truncation
from npseq.layercheck.surrogate import FixedDropout, frozen_states, truncated_forward


def test_frozen_states_are_those_of_a_forward_pass():
    layer, x = small("lstm", num_layers=2, dtype=np.float64), numbers(T, B, D)
    h, c = frozen_states(layer, x, None, None)
    assert h.shape == c.shape == (2, T + 1, 2, B)
    for t in range(T + 1):
        expected = layer.forward(x[:t])[1]
        np.testing.assert_allclose(h[:, t].swapaxes(1, 2), expected[0], rtol=0, atol=1e-15)
        np.testing.assert_allclose(c[:, t].swapaxes(1, 2), expected[1], rtol=0, atol=1e-15)


@pytest.mark.parametrize("cell", ["gru after", "lstm both"])
@pytest.mark.parametrize("steps", [1, 2, T + 1])
def test_its_outputs_and_last_state_are_those_of_forward(cell, steps):
    """Frozen states change the gradient, not the numbers."""
    layer, x = small(cell, bidirectional=True, dtype=np.float64), numbers(T, B, D)
    y, state, _ = layer.forward(x, None, LENGTHS)
    zero = layer.forward(x[:0])[1]
    found, last = truncated_forward(layer, x, zero, LENGTHS, steps, frozen_states(layer, x, zero, LENGTHS))
    np.testing.assert_allclose(found, y, rtol=0, atol=1e-14)
    for ours, expected in zip(parts(last), parts(state), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-14)


def test_fixed_dropout_repeats_its_masks_and_selects_columns():
    masks = [numbers(T, D, B, seed=k) for k in range(2)]
    dropout = FixedDropout(0.5, masks)
    drawn = [dropout.draw(masks[0]) for _ in range(4)]
    for found, expected in zip(drawn, masks * 2, strict=True):
        np.testing.assert_array_equal(found, expected)
    dropout.window = np.array([[1, 2], [2, 3]]), np.array([0, 1])  # two windows of two steps
    found = dropout.draw(masks[0])
    np.testing.assert_array_equal(found[:, :, 0], masks[0][[1, 2], :, 0])
    np.testing.assert_array_equal(found[:, :, 1], masks[0][[2, 3], :, 1])


def surrogate_loss(layer, at, base, weights, lengths, k):
    """The surrogate in loops: each sequence alone, each loss again from the fixed states k steps before it."""
    total = 0.0
    for b, length in enumerate(lengths):
        one = slice(b, b + 1)
        if length == 0:
            total += (weights["h0"][:, one] * at["h0"][:, one]).sum() + (weights["c0"][:, one] * at["c0"][:, one]).sum()
        for t in range(length):
            start = t - k + 1
            state = at["h0"][:, one], at["c0"][:, one]
            if start >= 0:
                fixed = base["h0"][:, one], base["c0"][:, one]
                state = base["layer"].forward(base["x"][:start, one], fixed)[1]
            y, (h, c), _ = layer.forward(at["x"][max(start, 0) : t + 1, one], state)
            total += (weights["y"][t, b] * y[-1, 0]).sum()
            if t == length - 1:
                total += (weights["h0"][:, one] * h).sum() + (weights["c0"][:, one] * c).sum()
    return total


@pytest.mark.parametrize("k", [1, 2, 4, 5])
def test_the_truncated_gradient_is_that_of_a_surrogate_in_loops(k):
    """Along a random direction of all tensors, by a complex step."""
    lengths, rng = [4, 0, 2], np.random.default_rng(5)
    layer = small("lstm", num_layers=2, dtype=np.float64)
    base = {"layer": layer, "x": numbers(T, 3, D), "h0": numbers(2, 3, 2, seed=1), "c0": numbers(2, 3, 2, seed=2)}
    weights = {"y": numbers(T, 3, 2, seed=3), "h0": numbers(2, 3, 2, seed=4), "c0": numbers(2, 3, 2, seed=5)}
    _, _, tape = layer.forward(base["x"], (base["h0"], base["c0"]), np.array(lengths))
    dx, dstate, grads = layer.backward(weights["y"], tape, (weights["h0"], weights["c0"]), ns.Truncated(k))
    gradient = {"x": dx, "h0": dstate[0], "c0": dstate[1], "flat": grads.flat}
    v = {name: rng.normal(size=value.shape) for name, value in gradient.items()}
    at = {name: base[name] + 1e-30j * v[name] for name in ("x", "h0", "c0")}
    moved = layer.astype(np.complex128).bind(layer.params.flat + 1e-30j * v["flat"])
    numeric = surrogate_loss(moved, at, base, weights, lengths, k).imag / 1e-30
    assert sum((gradient[name] * v[name]).sum() for name in v) == pytest.approx(numeric, rel=1e-13)
    assert ns.gradcheck_layer(layer, base["x"], (base["h0"], base["c0"]), np.array(lengths), truncation=ns.Truncated(k))


@pytest.mark.parametrize("cell", ["rnn tanh", "gru before", "lstm both"])
@pytest.mark.parametrize("k", [1, 3])
def test_a_layer_of_two_directions_passes_truncated(cell, k):
    layer = small(cell, bidirectional=True)
    report = ns.gradcheck_layer(layer, numbers(T, B, D), lengths=LENGTHS, truncation=ns.Truncated(k))
    assert report, report


def test_bidirectional_passes_truncated_with_dropout_in_its_stacks():
    layer = ns.Bidirectional(ns.RNN(D, 3, num_layers=2, dropout=0.4, rng=0), ns.GRU(D, 2, rng=1))
    report = ns.gradcheck_layer(layer, numbers(T, B, D), lengths=LENGTHS, truncation=ns.Truncated(2))
    assert report, report


def test_a_gradient_of_one_lag_too_many_fails(monkeypatch):
    layer, x = small("rnn tanh"), numbers(T, B, D)
    monkeypatch.setattr(ns.Truncated, "plan", lambda self, *sizes: truncation.Plan(np.ones(self.steps + 1), None))
    assert not ns.gradcheck_layer(layer, x, truncation=ns.Truncated(2))


@pytest.mark.parametrize(
    ("truncation", "message"),
    [
        (ns.RandomTruncation(0.5), r"must be Truncated\(k\) to be checked, got RandomTruncation\(keep=0.5\)"),
        (ns.RouletteTruncation(lambda k: 0.5**k), "right in the mean over its draws"),
    ],
)
def test_random_truncations_are_refused(truncation, message):
    with pytest.raises(ValueError, match=message):
        ns.gradcheck_layer(small("gru after"), numbers(T, B, D), truncation=truncation)


@pytest.mark.parametrize(
    "layer",
    [
        small("gru after", bidirectional=True, num_layers=2),
        ns.Bidirectional(small("gru after", bidirectional=True), small("lstm")),
    ],
)
def test_a_stack_of_two_directions_is_refused(layer):
    with pytest.raises(ValueError, match="in a stack of two directions a path turns in time"):
        ns.gradcheck_layer(layer, numbers(T, B, D), truncation=ns.Truncated(2))


@pytest.mark.parametrize("truncation", [ns.HDetach(0.5), ns.CarouselTruncation()])
def test_truncations_that_block_only_h_are_refused(truncation):
    layer = ns.LSTM(2, 3, dtype=np.float64, rng=0)
    with pytest.raises(ValueError, match=r"must be Truncated\(k\) to be checked, got .*, which blocks h and not c"):
        ns.gradcheck_layer(layer, np.zeros((3, 2, 2)), truncation=truncation)
