"""A cell with activations looks them up once, and a user's own cell may too."""

import pickle

import numpy as np
import pytest

import npseq as ns
from npseq.activations import Activated, dsigmoid, dtanh, sigmoid, tanh
from npseq.layers.gru import GRUCell
from npseq.layers.lstm import LSTMCell
from npseq.layers.rnn import RNNCell


def test_the_usual_cells_call_the_plain_functions():
    """So that their steps have no call and no branch more."""
    assert LSTMCell().functions == (sigmoid, tanh, tanh)
    assert LSTMCell().derivatives == (dsigmoid, dtanh, dtanh)
    assert GRUCell().functions == (sigmoid, tanh)
    assert RNNCell().functions == (np.tanh,)
    assert not any(cell.keeps for cell in (LSTMCell(), GRUCell(), RNNCell(), RNNCell("relu")))


def test_a_cell_keeps_inputs_where_one_of_its_functions_needs_them():
    assert LSTMCell(gate_activation="hard_sigmoid", activation="softplus").saved == ()
    assert LSTMCell(output_activation="silu").saved == ("in_o", "in_i", "in_f", "in_g")
    assert GRUCell(activation="silu").saved == ("in_r", "in_z", "in_n")
    assert RNNCell("silu").reads_gates
    assert not RNNCell("softplus").reads_gates


def test_a_cell_is_what_its_activations_texts_say():
    assert RNNCell(ns.Activation("elu", 0.5)) == RNNCell("elu(alpha=0.5)") != RNNCell("elu")
    cell = LSTMCell(activation="mish")
    assert pickle.loads(pickle.dumps(cell)) == cell
    layer = ns.LSTM(2, 3, activation="relu")
    assert layer.cell.output_activation == "relu"
    assert ns.LSTM(2, 3, activation="relu", output_activation="tanh").cell.output_activation == "tanh"


@pytest.mark.parametrize(("make", "options"), [
    (LSTMCell, {"peepholes": [True]}), (LSTMCell, {"projected": 1e300}), (GRUCell, {"reset": "before h"}),
    (ns.layers.LSTMOverUnitsCell, {"peepholes": bool}), (ns.layers.LSTMOverUnitsCell, {"projected": "no"}),
    (ns.layers.GRUOverUnitsCell, {"reset": "none"}), (ns.gallery.InputForgetLSTMCell, {"peepholes": "False"}),
])  # fmt: skip
def test_a_cells_other_options_are_checked_too(make, options):
    (name,) = options
    with pytest.raises((TypeError, ValueError), match=f"{name} must be (True or False|one of 'after', 'before'), got"):
        make(**options)


class Own(Activated, ns.Cell):
    activation: str = "tanh"
    gates, activated, saved = ("u",), ("activation",), ()

    def forward(self, a, old, new, p, project):
        new[0][...] = old[0] / 2 + self.functions[0](a[0])

    def backward(self, dnew, a, s, da, p, project):
        y = s[1][0] - s[0][0] / 2
        da[0] = dnew[0] * self.derivatives[0](a[0] if self.keeps else y)
        return (dnew[0] / 2,)


@pytest.mark.parametrize("text", ["tanh", "mish", "elu(alpha=0.5)", "softplus"])
def test_a_cell_of_ones_own_has_activations_in_two_words(text):
    layer = ns.Recurrent(Own(text), 2, 3, dtype=np.float64, rng=0)
    assert ns.gradcheck_layer(layer, np.random.default_rng(0).normal(size=(4, 2, 2)))
