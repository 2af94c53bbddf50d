"""ONNX's W, R, B and P against the parameters, gate by gate, and back."""

import numpy as np
import pytest

from npseq import GRU, LSTM, RNN
from npseq.interop.onnx.weights import parameters_from, weights_of

D, H = 3, 2


def test_the_gates_of_an_lstm_are_rows_in_the_order_i_o_f_g_and_its_peepholes_i_o_f():
    layer = LSTM(D, H, num_layers=2, bidirectional=True, peepholes=True, dtype=np.float64, rng=0)
    layer.params.flat[:] = np.random.default_rng(0).normal(size=layer.params.flat.shape)
    found = weights_of(layer, 1)
    assert {name: array.shape for name, array in found.items()} == {
        "W": (2, 4 * H, 2 * H),
        "R": (2, 4 * H, H),
        "B": (2, 8 * H),
        "P": (2, 3 * H),
    }
    for d, ending in enumerate(("_l1", "_l1_reverse")):
        for k, gate in enumerate("iofg"):
            rows = slice(k * H, (k + 1) * H)
            np.testing.assert_array_equal(found["W"][d, rows], layer.params[f"W_x{gate}{ending}"].T)
            np.testing.assert_array_equal(found["R"][d, rows], layer.params[f"W_h{gate}{ending}"].T)
            np.testing.assert_array_equal(found["B"][d, rows], layer.params[f"b_{gate}{ending}"])
        for k, gate in enumerate("iof"):
            np.testing.assert_array_equal(found["P"][d, k * H : (k + 1) * H], layer.params[f"p_{gate}{ending}"])
        assert not found["B"][d, 4 * H :].any()


def test_the_second_bias_of_a_grus_candidate_is_the_last_block():
    layer = GRU(D, H, dtype=np.float64, rng=0)
    layer.params["b_hn"] = [5.0, 6.0]
    assert weights_of(layer, 0)["B"][0, 3 * H :].tolist() == [0, 0, 0, 0, 5, 6]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("layer", [RNN, GRU, LSTM])
def test_back_they_are_the_same_parameters(layer, bias):
    made = layer(D, H, bidirectional=True, bias=bias, rng=0)
    found = weights_of(made, 0)
    values = parameters_from(made, found)
    assert values.keys() == made.params.keys()
    for name, value in values.items():
        np.testing.assert_array_equal(value, made.params[name])
