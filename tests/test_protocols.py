"""What npseq has itself is what its functions ask for: layers, optimizers and datasets fit the protocols."""

import inspect

import numpy as np
import pytest

import npseq as ns
from npseq.protocols import Dataset, LayerLike, OptimizerLike

LAYERS = (ns.RNN, ns.GRU, ns.LSTM, ns.Recurrent, ns.Bidirectional)


def parameters(method):
    """The names that an argument of this method can be given by."""
    return [name for name in inspect.signature(method).parameters if name != "self"]


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("method", ["forward", "backward"])
def test_a_recurrent_layer_takes_what_the_protocol_says(kind, method):
    assert set(parameters(getattr(LayerLike, method))) <= set(parameters(getattr(kind, method)))


def test_a_layer_fits_the_protocol_and_an_optimizer_does_not():
    assert isinstance(ns.LSTM(2, 3), LayerLike)
    assert not isinstance(ns.Adam(), LayerLike)


@pytest.mark.parametrize("kind", [ns.SGD, ns.RMSprop, ns.Adam, ns.AdamW, ns.Adagrad])
def test_an_optimizer_fits_the_protocol(kind):
    assert isinstance(kind(0.1), OptimizerLike)
    assert parameters(kind.step) == parameters(OptimizerLike.step)


class Doubling:
    """An optimizer of a user's own, which extends nothing."""

    def step(self, params, grads):
        for name in params:
            params[name] *= 2


def test_an_optimizer_that_extends_nothing_trains_a_model():
    model = ns.LanguageModel(3, "gru", 2, rng=0)
    before = model.params.flat.copy()
    assert isinstance(Doubling(), OptimizerLike)
    model.step(np.zeros((2, 1), int), np.ones((2, 1), int), None, Doubling())
    assert (model.params.flat == 2 * before).all()


def test_what_iterates_batches_is_a_dataset():
    batches = ns.data.sequential_windows(np.arange(20), 2, 3, rng=0)
    assert isinstance(batches, Dataset)
    assert isinstance(ns.data.Epochs(lambda rng: batches), Dataset)
    assert not isinstance(ns.Adam(), Dataset)
