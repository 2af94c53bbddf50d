"""Dropout between the layers of a stack: only in training, scaled, and differentiated with the factors it drew."""

from __future__ import annotations

import numpy as np
from layers.recurrent_cases import assert_close, assert_same_bits, both_directions, every_cell, given, make, parts, run

from npseq.layers import LSTM

T, B, P_DROP = 3, 3, 0.4
LENGTHS = np.array([2, 0, 3])


@every_cell
@both_directions
def test_it_only_acts_in_training_and_between_layers(cell, bidirectional):
    plain, layer = (make(cell, bidirectional=bidirectional, dropout=p) for p in (0.0, P_DROP))
    data = given(layer, T, B)
    assert_same_bits(run(layer, data), run(plain, data))
    assert_same_bits(run(plain, data, training=True), run(plain, data))
    assert not np.array_equal(run(layer, data, training=True)["y"], run(layer, data)["y"])
    single = make(cell, num_layers=1, bidirectional=bidirectional, dropout=P_DROP)
    data = given(single, T, B)
    assert_same_bits(run(single, data, training=True), run(single, data))


def test_factors_are_zero_or_scaled_to_keep_the_mean():
    layer = LSTM(2, 50, num_layers=2, bidirectional=True, dropout=P_DROP, rng=0)
    _, _, tape = layer.forward(np.zeros((20, 10, 2), np.float32), training=True)
    none, factors = tape.dropout
    assert none is None
    drawn = np.concatenate([f.ravel() for f in factors])
    assert drawn.dtype == np.float32
    assert set(drawn.tolist()) == {0.0, float(np.float32(1 / (1 - P_DROP)))}
    # 20 000 draws: the share of zeros has standard deviation 0.0035, the mean 0.0058
    assert drawn.size == 20000
    assert abs((drawn == 0).mean() - P_DROP) < 5 * 0.0035
    assert abs(drawn.mean() - 1) < 5 * 0.0058


@every_cell
def test_a_stack_is_its_layers_with_factors_between(cell):
    """The upper layer alone, fed with the lower layer's output times the factors on the tape."""
    layer = make(cell, dropout=P_DROP)
    data = given(layer, T, B)
    y, _, tape = layer.forward(data.x, training=True)
    lower = make(cell, num_layers=1)
    upper = make(cell, num_layers=1, size=layer.output_size)
    for name in upper.params:
        upper.params[name] = layer.params[f"{name}_l1"]
        lower.params[name] = layer.params[name]
    (factors,) = tape.dropout[1]
    between = lower.forward(data.x)[0] * factors.swapaxes(1, 2)
    np.testing.assert_allclose(upper.forward(between)[0], y, rtol=0, atol=1e-15)


@every_cell
@both_directions
def test_the_gradient_is_that_with_the_draws_held_fixed(cell, bidirectional):
    """Every parameter, by complex steps of forwards that all start from the same state of the generator."""
    rng = np.random.default_rng(5)
    layer = make(cell, size=2, hidden=3, bidirectional=bidirectional, dropout=P_DROP, rng=rng)
    layer.params.flat[:] *= 2
    data, start = given(layer, T, B), rng.bit_generator.state

    def loss(flat):
        rng.bit_generator.state = start
        y, state, _ = layer.bind(flat).forward(data.x, data.state, LENGTHS, training=True)
        return (data.dy * y).sum() + sum((d * s).sum() for d, s in zip(parts(data.dstate), parts(state), strict=True))

    point = layer.params.flat.astype(complex)
    numeric = np.empty(point.size)
    for k in range(point.size):
        point[k] += 1e-30j
        numeric[k] = loss(point).imag / 1e-30
        point[k] = point[k].real
    rng.bit_generator.state = start
    grads = run(layer, data, LENGTHS, training=True)["grads"]
    assert_close(dict(layer.params.like(grads)), dict(layer.params.like(numeric)), 1e-12)


def test_the_seed_fixes_the_draws():
    first, second, third = (make("lstm", dropout=P_DROP, rng=seed) for seed in (3, 3, 4))
    third.params.flat[:] = first.params.flat
    data = given(first, T, B)
    expected = run(first, data, training=True)
    assert_same_bits(run(second, data, training=True), expected)
    assert not np.array_equal(run(third, data, training=True)["y"], expected["y"])
    assert not np.array_equal(run(first, data, training=True)["y"], expected["y"])
