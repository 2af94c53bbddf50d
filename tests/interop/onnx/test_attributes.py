"""ONNX's attributes: what npseq does not compute is refused by its name."""

import numpy as np
import pytest
from interop.onnx.equations import GATES, D, H, made

from npseq.interop.onnx import load
from npseq.interop.onnx.attributes import Attributes, check_attributes

ATTRIBUTES = [
    ("LSTM", {"clip": 3.0}, ValueError, "LSTM's clip is not supported: npseq bounds no pre-activations, got 3.0"),
    ("RNN", {"activation_alpha": [0.1]}, ValueError, r"RNN's activation_alpha is not supported: .*got \[0.1\]"),
    ("RNN", {"activation_beta": [0.1]}, ValueError, "RNN's activation_beta is not supported"),
    ("LSTM", {"input_forget": 1}, ValueError, "LSTM's input_forget=1 is not supported"),
    ("LSTM", {"input_forget": 2}, ValueError, "LSTM's input_forget must be 0 or 1, got 2"),
    ("GRU", {"layout": 2}, ValueError, "GRU's layout must be 0 or 1, got 2"),
    ("GRU", {"layout": 0.5}, ValueError, "GRU's layout must be an integer of at least 0, got 0.5"),
    ("GRU", {"hidden_size": 0}, ValueError, "GRU's hidden_size must be a positive integer, got 0"),
    ("GRU", {"hidden_size": 5}, ValueError, "GRU's hidden_size must be the last axis of R, 2, got 5"),
    ("RNN", {"direction": b"backward"}, ValueError, "direction must be one of 'forward', .*, got 'backward'"),
    ("RNN", {"linear_before_reset": 1}, ValueError, "RNN's attributes must be of .*, got 'linear_before_reset'"),
    (
        "LSTM",
        {"output_sequence": 1},
        ValueError,
        "LSTM's attributes must be of activation_alpha, .*, got 'output_sequence'",
    ),
    ("RNN", {"activations": ["Affine"]}, ValueError, r"activations must be \['tanh'\] or relu, alike .*\['Affine'\]"),
    ("GRU", {"activations": ["Sigmoid", "Relu"]}, ValueError, r"GRU's activations must be \['sigmoid', 'tanh'\], got"),
    ("LSTM", {"activations": ["HardSigmoid", "Tanh", "Tanh"]}, ValueError, "LSTM's activations must be .*HardSigmoid"),
    ("Elman", {}, ValueError, "op_type must be one of 'RNN', 'GRU', 'LSTM', got 'Elman'"),
]


@pytest.mark.parametrize(("op_type", "attributes", "error", "message"), ATTRIBUTES)
def test_what_is_not_computed_is_refused_in_one_line(op_type, attributes, error, message):
    count = GATES.get(op_type, 1)
    with pytest.raises(error, match=message) as caught:
        load(op_type, {"W": np.zeros((1, count * H, D)), "R": np.zeros((1, count * H, H))}, attributes)
    assert "\n" not in str(caught.value)


def test_directions_of_an_rnn_have_one_function():
    op_type, inputs, attributes = made("tanh", "bidirectional")
    with pytest.raises(
        ValueError, match=r"RNN's activations must be .* alike in both directions, got \['Tanh', 'Relu'\]"
    ):
        load(op_type, inputs, attributes | {"activations": ["Tanh", "Relu"]})
    load(op_type, inputs, attributes | {"activations": ["Tanh", "Tanh"]})
    load(*made("tanh", "forward")[:2], {"activations": ["Tanh", "Tanh"]})  # ONNX's own default


def test_absent_attributes_have_the_defaults_of_onnx():
    assert check_attributes("RNN", None) == check_attributes("RNN", {"clip": None}) == Attributes()
    assert check_attributes("LSTM", {"direction": b"bidirectional", "layout": 1}) == Attributes(
        "bidirectional", "sigmoid", batch_first=True
    )
    assert check_attributes("LSTM", {"direction": "bidirectional"}).directions == 2
    assert check_attributes("RNN", {"activations": [b"Relu"]}).activation == "relu"
