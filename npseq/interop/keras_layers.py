"""Comparison of a Keras layer's `get_config()` with the layer of npseq that is to have its weights.

Weights alone do not determine the functions of the gates, the place of the reset gate or the direction of time. The
configuration of a Keras layer does, and a difference is refused by its name.
"""

from collections.abc import Mapping
from typing import Any

from npseq.interop.keras_activations import keras_name, remedy, text_of, wanted_activations
from npseq.layers.embedding import Embedding
from npseq.layers.gru import GRUCell
from npseq.layers.linear import Linear
from npseq.layers.lstm import LSTMCell
from npseq.layers.recurrent import Recurrent
from npseq.layers.rnn import RNNCell

WITHOUT_WEIGHTS = ("InputLayer", "Dropout")  # of a Sequential: they change nothing outside of training
_CLASSES = {RNNCell: "SimpleRNN", GRUCell: "GRU", LSTMCell: "LSTM"}


def keras_layers(weights: Any) -> list[Any] | None:
    """The Keras layers in order; None where these weights are arrays.

    Raises ValueError for a model that is not a Sequential, since its layers need not follow one another.
    """
    given = list(weights) if isinstance(weights, list | tuple) else [weights]
    if not given or not all(hasattr(one, "get_weights") for one in given):
        return None
    layers: list[Any] = []
    for one in given:
        if hasattr(one, "layers") and type(one).__name__ != "Sequential":
            raise ValueError(f"a Keras model must be a Sequential, got {type(one).__name__}; give its layers as a list")
        layers += one.layers if hasattr(one, "layers") else [one]
    return [one for one in layers if type(one).__name__ not in WITHOUT_WEIGHTS]


def class_of(cell: Any) -> str:
    """Keras's layer of a cell, also of one that extends it."""
    return next(name for kind, name in _CLASSES.items() if isinstance(cell, kind))


def check_layers(layer: Any, sources: list[Any]) -> None:
    """Raises ValueError unless these Keras layers, one after the other, compute what the layer does."""
    count = layer.num_layers if isinstance(layer, Recurrent) else 1
    if len(sources) != count:
        names = ", ".join(type(source).__name__ for source in sources)
        raise ValueError(f"there must be {count} Keras layers for this layer, got {len(sources)}: {names}")
    for source in sources:
        if not isinstance(layer, Recurrent) or layer.directions == 1:
            _check_one(source, type(source).__name__, source.get_config(), _settings(layer, False))
            continue
        if type(source).__name__ != "Bidirectional":
            raise ValueError(
                f"a Keras layer of two directions must be a Bidirectional, got {type(source).__name__}; "
                "num_layers and bidirectional must agree"
            )
        config = source.get_config()
        _check_one(source, "Bidirectional", config, {"class_name": "Bidirectional", "merge_mode": "concat"})
        for half in ("layer", "backward_layer"):
            given = config.get(half) or {}
            wanted = _settings(layer, half == "backward_layer")
            _check_one(source, given.get("class_name"), given.get("config", {}), wanted)


def _settings(layer: Any, reverse: bool) -> dict[str, Any]:
    """The class and configuration that the Keras layer must have."""
    if isinstance(layer, Linear):
        return {"class_name": "Dense", "activation": "linear", "use_bias": "b" in layer.params}
    if isinstance(layer, Embedding):
        return {"class_name": "Embedding"}
    cell = layer.cell
    class_name = class_of(cell)
    settings = {
        "class_name": class_name,
        "units": layer.hidden_size,
        "use_bias": layer.bias,
        "go_backwards": reverse,
        **wanted_activations(cell, class_name),
    }
    if isinstance(cell, GRUCell):
        settings["reset_after"] = cell.reset == "after"
    return settings


def _check_one(source: Any, class_name: Any, config: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    found = {**config, "class_name": class_name}
    for setting, value in wanted.items():
        given, hint = found.get(setting), ""
        text = text_of(given) if "activation" in setting else given
        if text == value:
            continue
        if "activation" in setting:
            value, hint = keras_name(value), remedy(class_name, setting, text)
        raise ValueError(
            f"Keras layer {getattr(source, 'name', '?')!r} must have {setting}={value!r} for this layer, "
            f"it has {given!r}{hint}"
        )
