"""A model's first values by name."""

import numpy as np
import pytest

import npseq as ns
from npseq.models.first_values import INITIALIZERS, draw


def test_uniform_values_are_those_that_the_layers_drew():
    model = ns.LanguageModel(5, "gru", 4, rng=0)
    kept = model.params.flat.copy()
    draw("uniform", model.params, np.random.default_rng(0))
    np.testing.assert_array_equal(model.params.flat, kept)


@pytest.mark.parametrize("initializer", INITIALIZERS)
def test_a_seed_repeats_them(initializer):
    one, other = (ns.LanguageModel(5, "gru", 4, 2, initializer=initializer, rng=3) for _ in "12")
    np.testing.assert_array_equal(one.params.flat, other.params.flat)


def test_normal_values_and_zero_biases_of_every_layer():
    layer = ns.Bidirectional(ns.GRU(30, 40, rng=0), ns.GRU(30, 40, rng=0))
    model = ns.LanguageModel(30, layer, initializer="normal", rng=0)
    for name, value in model.params.items():
        own = name.rpartition(".")[2]
        assert not value.any() if own.startswith("b") else value.std() == pytest.approx(0.01, rel=0.1), name
