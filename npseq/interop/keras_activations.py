"""Keras's activations, by the names and layers that a configuration stores, as npseq's texts."""

from collections.abc import Mapping
from typing import Any

from npseq.activations.activation import activation_of

SIXTH = "hard_sigmoid(alpha=0.16666666666666666)"  # Keras 3's is relu6(x + 3) / 6, ONNX's has a slope of 0.2
NAMES = {
    "linear": "linear", "relu": "relu", "relu6": "relu6", "leaky_relu": "leaky_relu(alpha=0.2)", "elu": "elu",
    "celu": "celu", "selu": "selu", "gelu": "gelu", "silu": "silu", "swish": "silu", "hard_silu": "hard_silu",
    "hard_swish": "hard_silu", "mish": "mish", "exponential": "exponential", "tanh": "tanh", "hard_tanh": "hard_tanh",
    "tanh_shrink": "tanh_shrink", "soft_shrink": "soft_shrink", "hard_shrink": "hard_shrink", "sigmoid": "sigmoid",
    "hard_sigmoid": SIXTH, "log_sigmoid": "log_sigmoid", "sparse_sigmoid": "sparse_sigmoid", "softplus": "softplus",
    "sparse_plus": "sparse_plus", "squareplus": "squareplus", "softsign": "softsign",
    "softmax": "softmax", "log_softmax": "log_softmax",
}  # fmt: skip
OPTIONS: dict[str, dict[str, tuple[str, ...]]] = {  # of npseq's layers, by Keras's setting
    "SimpleRNN": {"activation": ("nonlinearity",)},
    "GRU": {"activation": ("activation",), "recurrent_activation": ("gate_activation",)},
    "LSTM": {"activation": ("activation", "output_activation"), "recurrent_activation": ("gate_activation",)},
}


def text_of(value: Any) -> str | None:
    """npseq's text of what a Keras configuration stores, a name or a layer's own configuration; None if it has none."""
    if isinstance(value, str):
        return NAMES.get(value)
    if not isinstance(value, Mapping):
        return None
    own = value.get("config")
    given = own if isinstance(own, Mapping) else {}
    match value.get("class_name"):
        case "LeakyReLU":
            return str(activation_of("activation", f"leaky_relu(alpha={given.get('negative_slope', 0.3)!r})"))
        case "ELU":
            return str(activation_of("activation", f"elu(alpha={given.get('alpha', 1.0)!r})"))
        case "ReLU" if not (given.get("negative_slope") or given.get("threshold")):
            return {None: "relu", 6.0: "relu6"}.get(given.get("max_value"))
        case "Softmax" if given.get("axis", -1) == -1:
            return "softmax"
    return None


def keras_name(text: str) -> str | None:
    """Keras's name, or its layer, of npseq's text; None if it has none."""
    for name, own in NAMES.items():
        if own == text:
            return name
    one = activation_of("activation", text)
    layers = {"leaky_relu": f"LeakyReLU({one.alpha})", "elu": f"ELU({one.alpha})"}
    return layers.get(one.name) if one.clip is None else None


def wanted_activations(cell: Any, class_name: str) -> dict[str, str]:
    """npseq's text of each of Keras's settings.

    Raises:
        ValueError: for a cell whose activations no Keras layer has.
    """
    wanted = {}
    for setting, options in OPTIONS[class_name].items():
        texts = [str(getattr(cell, option)) for option in options]
        if len({*texts}) > 1:
            raise ValueError(
                f"Keras's LSTM has one activation for g and for the cell state, got activation={texts[0]!r} and "
                f"output_activation={texts[1]!r}"
            )
        if keras_name(texts[0]) is None:
            raise ValueError(f"Keras has no activation {texts[0]!r}, which is this layer's {options[0]}")
        wanted[setting] = texts[0]
    return wanted


def remedy(class_name: str, setting: str, text: str | None) -> str:
    """How npseq's layer is to be made for this setting of Keras's."""
    if text is None or class_name not in OPTIONS:
        return ""
    return f"; make the layer with {OPTIONS[class_name][setting][0]}={text!r}"
