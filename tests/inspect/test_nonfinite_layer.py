"""The first value of a layer that is not finite: its layer, direction, gate, step, example and unit."""

import numpy as np
import pytest
from nonfinite_cases import B, D, H, T, layer_of, numbers

import npseq as ns
from npseq.inspect import first_nonfinite


def poison_lstm(layer, ending=""):
    """c grows by one a step, so that p_o c is -inf from the second step on, and o is 0; inf from an input makes nan."""
    for gate in "ifg":
        layer.params[f"b_{gate}{ending}"][2] = 500
    layer.params[f"p_o{ending}"][2] = -1.7e308


def poison_gru(layer, ending=""):
    """From the second step on h is 1, and so v infinite, at unit 2; r is 0, and 0 times infinity is nan."""
    layer.params[f"W_hn{ending}"][:, 2] = 1.7e308
    layer.params[f"b_r{ending}"][...], layer.params[f"b_z{ending}"][...] = -1e6, -1e6
    layer.params[f"b_n{ending}"][...] = 1e6


def test_it_is_found_in_a_gate_of_an_lstm():
    layer, x = layer_of("lstm", peepholes=True), numbers(T, B, D)
    poison_lstm(layer)
    assert first_nonfinite(layer, x) is None
    x[4, 1, 0] = layer.params["W_xo"][0, 2] = 1e300
    found = first_nonfinite(layer, x)
    assert (found.kind, found.gate, found.layer, found.direction) == ("gate", "o", 0, "forward")
    assert (found.step, found.example, found.index) == (4, 1, (2,))
    assert str(found).endswith("is nan in gate o, layer 0, forward direction, step 4, example 1, entry 2")


@pytest.mark.parametrize("direction", ["forward", "reverse"])
@pytest.mark.parametrize("level", [0, 1])
def test_the_layer_and_the_direction_of_a_gate(level, direction):
    layer = layer_of("gru", num_layers=2, bidirectional=True)
    poison_gru(layer, ("_l1" if level else "") + ("_reverse" if direction == "reverse" else ""))
    found = first_nonfinite(layer, numbers(T, B, D))
    assert (found.kind, found.layer, found.direction, found.gate) == ("gate", level, direction, "n")
    assert (found.step, found.example, found.index) == (T - 2 if direction == "reverse" else 1, 0, (2,))


def test_it_is_found_in_a_state_that_grows_until_it_overflows():
    layer = ns.RNN(D, H, nonlinearity="relu", dtype=np.float64, rng=0)
    layer.params["W_hh"][...] = 1e80
    x = np.zeros((T, B, D))
    x[1, 2] = 1.0
    layer.params["W_xh"][...], layer.params["b_h"][...] = 1.0, 0.0
    found = first_nonfinite(layer, x)
    assert (found.kind, found.name, found.step, found.example, found.value) == ("state", "h", 5, 2, np.inf)


def test_the_direction_of_a_gate_in_a_bidirectional_of_two_layers():
    layer = ns.Bidirectional(layer_of("lstm"), ns.GRU(D, H, dtype=np.float64, rng=1))
    x = numbers(T, B, D)
    assert first_nonfinite(layer, x, dy=numbers(T, B, 2 * H)) is None
    for name, view in layer.params.items():
        if name in ("backward.b_r", "backward.b_z", "backward.b_n"):
            view[...] = 1e6 if name == "backward.b_n" else -1e6
    layer.params["backward.W_hn"][:, 2] = 1.7e308
    found = first_nonfinite(layer, x, lengths=np.array([2, T, 1]))
    assert (found.kind, found.gate, found.direction) == ("gate", "n", "reverse")
    assert (found.step, found.example) == (T - 2, 1)


def test_it_is_found_in_an_adjoint():
    layer = ns.RNN(D, H, nonlinearity="relu", dtype=np.float64, rng=0)
    layer.params["W_hh"][...] = 1e120
    layer.params["b_h"][...], x = 0.0, np.zeros((T, B, D))
    layer.params["W_xh"][...] = 1.0
    x[:] = 1e-290  # units that live, and states that stay small enough
    x[1:] = 0
    layer.params["W_hh"][...] = 1e60
    dy = np.zeros((T, B, H))
    dy[4, 1] = 1e200
    assert first_nonfinite(layer, x) is None
    found = first_nonfinite(layer, x, dy=dy)
    assert (found.kind, found.name, found.direction, found.example) == ("adjoint", "h", "forward", 1)
    assert found.step == 2  # 1e200, 5e260, then over 1.8e308


def test_it_is_found_in_the_given_adjoint():
    layer, dy = layer_of("gru"), numbers(T, B, H)
    dy[2, 0, 3] = np.nan
    found = first_nonfinite(layer, numbers(T, B, D), dy=dy)
    assert (found.kind, found.name, found.step, found.example, found.index) == ("adjoint", "y", 2, 0, (3,))


def test_it_is_found_in_the_adjoint_of_a_gate():
    """v is infinite and r is 1, so n is 1 and finite; the local derivative of r is infinity times 0."""
    layer = layer_of("gru")
    poison_gru(layer)
    layer.params["b_r"][...] = 1e6
    x, dy = numbers(T, B, D), numbers(T, B, H)
    assert first_nonfinite(layer, x) is None
    found = first_nonfinite(layer, x, dy=dy)
    assert (found.kind, found.gate, found.step, found.example, found.index) == ("adjoint", "r", T - 1, 0, (2,))
    assert "in the adjoint of r, layer 0, forward direction, step 5" in str(found)


def test_it_is_found_in_a_gradient():
    layer = ns.RNN(1, 1, nonlinearity="relu", dtype=np.float64, rng=0)
    layer.params["W_hh"][...], layer.params["W_xh"][...], layer.params["b_h"][...] = 0.0, 1e-300, 1.0
    x = np.full((2, 1, 1), 1e300)
    found = first_nonfinite(layer, x, dy=np.full((2, 1, 1), 1e10))
    assert (found.kind, found.name, found.index, found.value) == ("gradient", "W_xh", (0, 0), np.inf)
    assert "in the gradient's W_xh, entry 0, 0" in str(found)
