"""The settings of a Keras layer are compared with the layer's; a difference is refused by its name."""

import numpy as np
import pytest
from interop.keras_cases import D, H, make, random_weights

from npseq import Embedding, Linear
from npseq.interop.keras import load
from npseq.interop.keras_layers import keras_layers


class Source:
    """A fake Keras layer: only what `load` asks of one."""

    name = "source"

    def __init__(self, weights, **config):
        self.weights, self.config = weights, config

    def get_weights(self):
        return self.weights

    def get_config(self):
        return self.config


def source(class_name, weights=(), **config):
    return type(class_name, (Source,), {})(list(weights), **config)


GRU_CONFIG = {
    "units": H,
    "activation": "tanh",
    "recurrent_activation": "sigmoid",
    "use_bias": True,
    "reset_after": True,
    "go_backwards": False,
}


SETTINGS = [
    ({"reset_after": False}, "Keras layer 'source' must have reset_after=True for this layer, it has False"),
    ({"activation": "relu"}, "must have activation='tanh' .*, it has 'relu'; make the layer with activation='relu'"),
    (
        {"recurrent_activation": "hard_sigmoid"},
        "must have recurrent_activation='sigmoid'.*it has 'hard_sigmoid'; .* with gate_activation='hard_sigmoid.alpha",
    ),
    ({"activation": "glu"}, "must have activation='tanh' for this layer, it has 'glu'$"),
    ({"go_backwards": True}, "must have go_backwards=False for this layer, it has True"),
    ({"use_bias": False}, "must have use_bias=True"),
    ({"units": 7}, "must have units=5 for this layer, it has 7"),
]


@pytest.mark.parametrize(("change", "message"), SETTINGS)
def test_settings_of_a_keras_layer_that_are_refused(change, message):
    layer, weights = make("reset after"), random_weights("reset after", 1, False, True)
    with pytest.raises(ValueError, match=message):
        load(layer, source("GRU", weights, **GRU_CONFIG | change))
    load(layer, source("GRU", weights, **GRU_CONFIG))
    np.testing.assert_array_equal(layer.params["W_xz"], weights[0][:, :H])


def test_kinds_of_keras_layers_that_are_refused():
    weights = random_weights("reset after", 1, False, True)
    given = source("GRU", weights, **GRU_CONFIG)
    for layer, sources, message in [
        (make("lstm"), given, "must have class_name='LSTM' for this layer, it has 'GRU'"),
        (make("reset after", 2), given, "there must be 2 Keras layers for this layer, got 1: GRU"),
        (
            make("reset after", bidirectional=True),
            given,
            "must be a Bidirectional, got GRU; num_layers and bidirectional",
        ),
        (
            Linear(D, H),
            source("Dense", activation="tanh", use_bias=True),
            "must have activation='linear'.*it has 'tanh'",
        ),
        (Embedding(7, D), source("Dense"), "must have class_name='Embedding' for this layer, it has 'Dense'"),
    ]:
        with pytest.raises(ValueError, match=message):
            load(layer, sources)
    model = source("Functional")
    model.layers = [given]
    with pytest.raises(ValueError, match="must be a Sequential, got Functional; give its layers as a list"):
        load(make("reset after"), model)


def test_directions_of_a_keras_layer():
    layer = make("reset after", bidirectional=True)
    weights = random_weights("reset after", 1, True, True)
    halves = {
        "layer": {"class_name": "GRU", "config": GRU_CONFIG},
        "backward_layer": {"class_name": "GRU", "config": GRU_CONFIG | {"go_backwards": True}},
    }
    with pytest.raises(ValueError, match="must have merge_mode='concat' for this layer, it has 'sum'"):
        load(layer, source("Bidirectional", weights, merge_mode="sum", **halves))
    with pytest.raises(ValueError, match="must have go_backwards=True for this layer, it has False"):
        load(
            layer, source("Bidirectional", weights, merge_mode="concat", **halves | {"backward_layer": halves["layer"]})
        )
    load(layer, [source("InputLayer"), source("Bidirectional", weights, merge_mode="concat", **halves)])
    np.testing.assert_array_equal(layer.params["W_xz_reverse"], weights[3][:, :H])


def test_layers_without_weights_are_left_out_and_arrays_are_none():
    dense, dropout, entry = source("Dense"), source("Dropout"), source("InputLayer")
    assert keras_layers([entry, dense, dropout]) == [dense]
    model = source("Sequential")
    model.layers = [entry, dropout, dense]
    assert keras_layers(model) == [dense]
    assert keras_layers([np.zeros(2)]) is None
    assert keras_layers([]) is None
