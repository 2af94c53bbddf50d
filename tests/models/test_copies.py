"""A copy, deep or through pickle, is whole: one vector of its own, and every name and layer a view of it."""

import copy
import pickle

import numpy as np
import pytest

import npseq as ns
from npseq.models import Tagger

F64 = {"dtype": np.float64, "rng": 0}
LAYERS = {
    "rnn": lambda: ns.RNN(3, 4, num_layers=2, **F64),
    "gru after": lambda: ns.GRU(3, 4, bidirectional=True, **F64),
    "gru before": lambda: ns.GRU(3, 4, reset="before", **F64),
    "lstm": lambda: ns.LSTM(3, 4, peepholes=True, proj_size=2, **F64),
    "bidirectional": lambda: ns.Bidirectional(ns.GRU(3, 4, **F64), ns.LSTM(3, 2, **F64)),
}
COPIES = pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))], ids=["deepcopy", "pickle"]
)


@COPIES
@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_a_copied_layer_computes_with_its_own_parameters(make, duplicate):
    layer, x = make(), np.random.default_rng(1).normal(size=(5, 2, 3))
    y = layer.forward(x)[0].copy()
    names = {name: value.copy() for name, value in layer.params.items()}
    other = duplicate(layer)
    np.testing.assert_array_equal(other.forward(x)[0], y)
    for name in names:
        other.params[name][...] = 0
    assert not other.params.flat.any()
    assert not other.forward(x)[0].any()
    for name, value in names.items():
        np.testing.assert_array_equal(layer.params[name], value)
        other.params[name] = value
    np.testing.assert_array_equal(other.forward(x)[0], y)


@COPIES
@pytest.mark.parametrize("after", [0, 2])
def test_a_copied_language_model_trains_as_the_original(duplicate, after):
    rng = np.random.default_rng(2)
    ids, targets = rng.integers(0, 7, (2, 5, 3))
    model = ns.LanguageModel(7, "gru", 6, embedding_size=4, **F64)
    for _ in range(after):
        model.step(ids, targets, None, ns.SGD(0.5))
    other = duplicate(model)
    losses = [[float(m.step(ids, targets, None, ns.SGD(0.5))[0]) for _ in range(4)] for m in (model, other)]
    assert losses[0] == losses[1]
    assert losses[1][-1] < losses[1][0]
    np.testing.assert_array_equal(model.params.flat, other.params.flat)


@COPIES
def test_a_copied_model_of_layers_trains_as_the_original(duplicate):
    rng = np.random.default_rng(3)
    x, targets = rng.normal(size=(5, 3, 4)), rng.integers(0, 3, (5, 3))
    model = Tagger(ns.LSTM(4, 5, bidirectional=True, **F64), 3, rng=1)
    model.step(x, targets, optimizer=ns.SGD(0.5))
    other = duplicate(model)
    losses = [[float(m.step(x, targets, optimizer=ns.SGD(0.5))[0]) for _ in range(3)] for m in (model, other)]
    assert losses[0] == losses[1]
    assert losses[1][-1] < losses[1][0]


def test_what_is_done_to_a_name_s_view_stays_with_that_view():
    linear = ns.Linear(2, 3, rng=0)
    bias = linear.params["b"]
    bias.flags.writeable = False
    assert linear.params["b"].flags.writeable
