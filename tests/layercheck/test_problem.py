"""A layer's loss, its point and the upstream gradients."""

from __future__ import annotations

import numpy as np
from layercheck.small_layers import B, D, T, numbers, small

from npseq.layercheck.check import layer_problem
from npseq.layercheck.problem import draw_weights


def test_without_rng_every_call_draws_the_same_numbers():
    layer, x = small("gru after"), numbers(T, B, D)
    first, again = (layer_problem(layer, x) for _ in range(2))
    other = layer_problem(layer, x, rng=1)
    assert first.loss(first.at) == again.loss(again.at) != other.loss(other.at)


def test_the_loss_takes_complex_values_and_leaves_the_layer_alone():
    layer = small("lstm")
    problem, before = layer_problem(layer, numbers(T, B, D)), layer.params.flat.copy()
    moved = {name: value.astype(complex) for name, value in problem.at.items()}
    np.testing.assert_allclose(problem.loss(moved), problem.loss(problem.at), rtol=1e-13)
    moved["x"] += 1e-30j
    assert problem.loss(moved).imag != 0
    np.testing.assert_array_equal(layer.params.flat, before)


def test_no_output_is_missed_and_weights_are_exact_in_float32():
    weights = draw_weights({"y": numbers(50, 20)}, np.random.default_rng(0))["y"]
    assert np.abs(weights).min() >= 0.5
    assert np.abs(weights).max() <= 1.5
    np.testing.assert_array_equal(weights.astype(np.float32), weights)
