"""Gradients of other mathematics at the same weights."""

import numpy as np
import pytest
from diagnosis.cases import CASES, H, case, make

import npseq as ns


def diagnosed_as(right, other, **state):
    tape = other.forward(right.x, **state)[2]
    dx, _, grads = other.backward(right.dy, tape)
    return ns.diagnose(right.layer, right.x, right.dy, grads, dx=dx)


@pytest.mark.parametrize(
    ("name", "other", "bug"),
    [
        ("rnn", lambda: make(ns.RNN, nonlinearity="relu"), "other nonlinearity"),
        ("gru after", lambda: make(ns.GRU, reset="before"), "F14"),
    ],
)
def test_another_cell(name, other, bug):
    right, twin = CASES[name](), other()
    for key in twin.params:
        twin.params[key] = right.layer.params[key]
    assert diagnosed_as(right, twin).bug == bug


def test_another_polarity_of_the_update_gate():
    right = CASES["gru after"]()
    twin = right.layer.astype(float)
    names = ("W_xz", "W_hz", "b_z")
    for name in names:
        twin.params[name] = -right.layer.params[name]
    dx, _, grads = twin.backward(right.dy, twin.forward(right.x)[2])
    wrong = {name: -value if name in names else value for name, value in grads.items()}
    found = ns.diagnose(right.layer, right.x, right.dy, wrong, dx=dx)
    assert found.bug == "z -> 1 - z"
    assert found.matches[0].mistakes[0].right == "h' = z h + (1 - z) n"


def test_the_forget_gates_extra_bias():
    right = case(make(ns.LSTM))
    twin = right.layer.astype(float)
    twin.params["b_f"] = right.layer.params["b_f"] + 1
    assert diagnosed_as(right, twin).bug == "b_f + 1"


def test_the_weights_of_another_gate():
    right = case(make(ns.LSTM))
    twin, names = right.layer.astype(float), {"i": "f", "f": "i", "o": "o", "g": "g"}
    for own, read in names.items():
        for kind in ("W_x", "W_h", "b_"):
            twin.params[f"{kind}{own}"] = right.layer.params[f"{kind}{read}"]
    dx, _, grads = twin.backward(right.dy, twin.forward(right.x)[2])
    wrong = {f"{kind}{read}": grads[f"{kind}{own}"] for own, read in names.items() for kind in ("W_x", "W_h", "b_")}
    assert ns.diagnose(right.layer, right.x, right.dy, wrong, dx=dx).bug == "weights in order: f's for i, i's for f"


def test_the_initial_state_taken_as_zero():
    layer = make(ns.RNN)
    right = case(layer, state=np.ones((1, 3, H)))
    dx, _, grads = layer.backward(right.dy, layer.forward(right.x)[2])
    assert ns.diagnose(layer, right.x, right.dy, grads, np.ones((1, 3, H)), dx=dx).bug == "zero state"
