"""A layer's report names steps, sequences, features, units and gates."""

import numpy as np
import pytest
from layercheck.small_layers import B, D, T, numbers, small

import npseq as ns
from npseq.bptt import gradients
from npseq.gradcheck.places import Labels
from npseq.layercheck.labels import labels_of


@pytest.mark.parametrize(
    ("layer", "name", "labels"),
    [
        (ns.LSTM(2, 3), "x", Labels(("step", "sequence", "feature"))),
        (ns.LSTM(2, 3), "c0", Labels(("layer", "sequence", "unit"))),
        (ns.LSTM(2, 3), "W_xf", Labels(("feature", "unit"), "gate f")),
        (ns.LSTM(2, 3, num_layers=2, bidirectional=True), "W_hf_l1_reverse", Labels(("unit before", "unit"), "gate f")),
        (ns.LSTM(2, 3, peepholes=True), "p_i", Labels(("unit",), "gate i")),
        (ns.GRU(2, 3), "b_hn", Labels(("unit",), "gate hn")),
        (ns.RNN(2, 3), "b_h", Labels(("unit",))),
        (ns.Bidirectional(ns.RNN(2, 3), ns.GRU(2, 3)), "backward.W_xz", Labels(("feature", "unit"), "gate z")),
    ],
)
def test_the_labels(layer, name, labels):
    shapes = {"x": 3, "c0": 3, "b_hn": 1, "b_h": 1, "p_i": 1}
    assert labels_of(layer, {name: np.zeros((1,) * shapes.get(name, 2))}) == {name: labels}


def test_the_verdict_says_gate_and_steps(monkeypatch):
    def wrong_gate(cell, w, strand, adjoints, out, workspace=None, right=gradients.weight_gradients):
        right(cell, w, strand, adjoints, out, workspace)
        units = out.W.shape[1] // 4
        out.W[:, 2 * units : 3 * units] *= 1.1

    layer, x = small("lstm"), numbers(T, B, D)
    with monkeypatch.context() as patch:
        patch.setattr(gradients, "weight_gradients", wrong_gate)
        report = ns.gradcheck_layer(layer, x)
    assert "tensors wrong: W_xf, W_hf, b_f (gate f, every entry)" in str(report).splitlines()[0]
    right = gradients.input_gradient
    monkeypatch.setattr(gradients, "input_gradient", lambda *a: right(*a) * np.array([2.0, 1, 1, 1])[:, None, None])
    report = ns.gradcheck_layer(layer, x)
    assert "1 of 15 tensors wrong: x (step 0 of 4, all sequences, all features)" in report.verdict
    assert report.plot().axes[1].get_ylabel() == "step, sequence (numbered: step)"
