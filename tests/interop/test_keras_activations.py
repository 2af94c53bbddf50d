"""Every combination of cell, activation and recurrent activation that Keras allows, beside Keras itself."""

import itertools

import numpy as np
import pytest
from interop.test_keras import float64, keras, keras_warns  # noqa: F401

import npseq as ns
from npseq.activations.over_units import FUNCTIONS
from npseq.interop.keras import export, load
from npseq.interop.keras_activations import NAMES, keras_name, text_of, wanted_activations
from npseq.layers import GRUOverUnitsCell, LSTMOverUnitsCell, RNNOverUnitsCell

T, B, D, H = 3, 2, 2, 3


def layer_of(kind, activation, recurrent, reset="after", **options):
    given = {"dtype": np.float64, "rng": 0, **options}
    if {activation, recurrent} & {*FUNCTIONS}:
        cells = {"SimpleRNN": RNNOverUnitsCell, "GRU": GRUOverUnitsCell, "LSTM": LSTMOverUnitsCell}
        texts = {"SimpleRNN": (activation,), "GRU": (reset, recurrent, activation)}
        own = texts.get(kind, (False, False, recurrent, activation, activation))
        return ns.Recurrent(cells[kind](*own), D, H, **given)
    if kind == "SimpleRNN":
        return ns.RNN(D, H, nonlinearity=activation, **given)
    if kind == "GRU":
        return ns.GRU(D, H, gate_activation=recurrent, activation=activation, reset=reset, **given)
    return ns.LSTM(D, H, gate_activation=recurrent, activation=activation, **given)


def assert_same_as_keras(module, kind, activation, recurrent, **options):
    """Outputs in float64."""
    given = {"recurrent_activation": recurrent} if kind != "SimpleRNN" else {}
    theirs = getattr(module.layers, kind)(
        H, activation=activation, return_sequences=True, dtype="float64", **given, **options
    )
    x = np.random.default_rng(0).normal(size=(B, T, D))
    theirs.build(x.shape)
    rng, size = np.random.default_rng(1), 0.05 if "exponential" in (activation, recurrent) else 0.3
    theirs.set_weights([rng.normal(size=w.shape) * size for w in theirs.get_weights()])
    expected = module.ops.convert_to_numpy(theirs(x)).swapaxes(0, 1)
    config = theirs.get_config()
    texts = [text_of(config.get(name, "sigmoid")) for name in ("activation", "recurrent_activation")]
    reset = "before" if options.get("reset_after") is False else "after"
    ours = layer_of(kind, *texts, reset=reset)
    load(ours, theirs)
    y = ours.forward(x.swapaxes(0, 1))[0]
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-11 * max(1, abs(y).max()), err_msg=f"{kind} {texts}")


@keras_warns
def test_every_activation_of_an_rnn_and_a_gru_and_an_lstm(keras, float64):  # noqa: F811
    """Each as the activation beside the usual gates, and as the gates' beside tanh."""
    for name in NAMES:
        assert_same_as_keras(keras, "SimpleRNN", name, None)
        for kind in ("GRU", "LSTM"):
            assert_same_as_keras(keras, kind, name, "sigmoid")
            assert_same_as_keras(keras, kind, "tanh", name)


@pytest.mark.long
@keras_warns
def test_every_combination(keras, float64):  # noqa: F811
    for activation, recurrent in itertools.product(NAMES, NAMES):
        assert_same_as_keras(keras, "GRU", activation, recurrent)
        assert_same_as_keras(keras, "GRU", activation, recurrent, reset_after=False)
        assert_same_as_keras(keras, "LSTM", activation, recurrent)


@keras_warns
def test_layers_as_activations(keras, float64):  # noqa: F811
    kinds, wide = keras.layers, {"dtype": "float64"}
    for made in (kinds.LeakyReLU(0.1, **wide), kinds.ELU(0.5, **wide), kinds.ReLU(**wide), kinds.ReLU(6.0, **wide)):
        assert_same_as_keras(keras, "LSTM", made, "hard_sigmoid")
    assert_same_as_keras(keras, "GRU", None, "sigmoid")  # None is linear


def test_every_name_of_keras_is_here(keras):  # noqa: F811  # noqa: F811
    from keras.src.activations import ALL_OBJECTS

    others = {"sparsemax"}  # Keras's is none: below
    others |= {"threshold", "glu"}  # Keras calls them with x alone, and fails
    assert {one.__name__ for one in ALL_OBJECTS} | {"swish", "hard_swish"} == NAMES.keys() | others


@keras_warns
def test_keras_sparsemax_is_no_distribution(keras):  # noqa: F811
    """That of (0.9, 0.3, -0.8) is (0.8, 0.2, 0); Keras 3.15 adds up cumulated sums. So it has no name here."""
    found = keras.ops.convert_to_numpy(keras.activations.sparsemax(np.array([[0.9, 0.3, -0.8]])))
    ours = FUNCTIONS["sparsemax"].function(np.array([[0.9], [0.3], [-0.8]]), 0)[:, 0]
    np.testing.assert_allclose(ours, [0.8, 0.2, 0], atol=1e-15)
    assert abs(found.sum() - 1) > 0.1, "Keras has mended it: give it its name in keras_activations.py"


def test_names_go_both_ways():
    for name, text in NAMES.items():
        assert text_of(keras_name(text)) == text_of(name) == text
    assert keras_name("leaky_relu(alpha=0.1)") == "LeakyReLU(0.1)"
    for text in ("hard_sigmoid", "gelu_tanh", "tanh(clip=1.0)", "elu(alpha=0.5, clip=1.0)"):
        assert keras_name(text) is None
    for value in ("threshold", None, {"class_name": "PReLU"}, {"class_name": "ReLU", "config": {"threshold": 1.0}}):
        assert text_of(value) is None


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (ns.RNN(D, H, nonlinearity="gelu_tanh"), "Keras has no activation 'gelu_tanh', which is this layer's nonline"),
        (ns.GRU(D, H, gate_activation="hard_sigmoid"), "Keras has no activation 'hard_sigmoid', .* gate_activation"),
        (ns.LSTM(D, H, output_activation="relu"), "one activation for g and for the cell state, got activation='tanh'"),
    ],
)
def test_what_keras_does_not_have_is_refused(layer, message):
    with pytest.raises(ValueError, match=message):
        export(layer)


def test_the_settings_of_a_cell():
    assert wanted_activations(ns.LSTM(D, H, activation="relu").cell, "LSTM") == {
        "activation": "relu",
        "recurrent_activation": "sigmoid",
    }
