"""ONNX's attributes: what the standard does not allow is refused by its name."""

import numpy as np
import pytest
from interop.onnx.equations import GATES, D, H

from npseq.interop.onnx import load
from npseq.interop.onnx.attributes import Attributes, check_attributes

ATTRIBUTES = [
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
    ("Elman", {}, ValueError, "op_type must be one of 'RNN', 'GRU', 'LSTM', got 'Elman'"),
]
TANH = ("tanh",)


@pytest.mark.parametrize(("op_type", "attributes", "error", "message"), ATTRIBUTES)
def test_what_does_not_hold_is_refused_in_one_line(op_type, attributes, error, message):
    count = GATES.get(op_type, 1)
    with pytest.raises(error, match=message) as caught:
        load(op_type, {"W": np.zeros((1, count * H, D)), "R": np.zeros((1, count * H, H))}, attributes)
    assert "\n" not in str(caught.value)


def test_absent_attributes_have_the_defaults_of_onnx():
    assert check_attributes("RNN", None) == check_attributes("RNN", {"clip": None}) == Attributes(activations=(TANH,))
    assert check_attributes("LSTM", {"direction": b"bidirectional", "layout": 1}) == Attributes(
        "bidirectional", (("sigmoid", "tanh", "tanh"),) * 2, batch_first=True
    )
    assert check_attributes("LSTM", {"direction": "bidirectional"}).directions == 2
    assert check_attributes("RNN", {"activations": [b"Relu"]}).activations == (("relu",),)
    assert check_attributes("LSTM", {"input_forget": 1}).input_forget
