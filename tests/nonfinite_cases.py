"""Small layers for tests of values that are not finite."""

import numpy as np
import pytest

import npseq as ns

T, B, D, H = 6, 3, 4, 5
LAYERS = {"rnn": ns.RNN, "gru": ns.GRU, "lstm": ns.LSTM}
every_cell = pytest.mark.parametrize("cell", LAYERS)


def layer_of(cell, **options):
    return LAYERS[cell](D, H, dtype=np.float64, rng=0, **options)


def numbers(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape)


def model_and_ids(cell="gru", dtype=np.float32, **options):
    model = ns.LanguageModel(D, cell, H, dtype=dtype, rng=0, **options)
    return model, np.random.default_rng(0).integers(0, D, (T, B))
