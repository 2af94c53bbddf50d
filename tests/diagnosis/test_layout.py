"""Gradients that lie as others lay them: gates beside each other, in another order, transposed, [x; h] in one."""

import numpy as np
import pytest
from diagnosis.cases import CASES, case, make

import npseq as ns


def beside(grads, gates, kind):
    return np.concatenate([grads[f"{kind}{gate}"] for gate in gates], axis=-1)


@pytest.mark.parametrize(
    ("gates", "turned", "bug"), [("ifog", False, True), ("ifgo", True, False), ("gfoi", True, True)]
)
def test_gates_beside_each_other(gates, turned, bug):
    right = case(make(ns.LSTM))
    grads = right.grads | ({"W_hf": right.grads["W_hf"] * 0} if bug else {})
    given = {"dWx": beside(grads, gates, "W_x"), "dWh": beside(grads, gates, "W_h"), "db": beside(grads, gates, "b_")}
    given = {name: value.T.copy() for name, value in given.items()} if turned else given
    found = ns.diagnose(right.layer, right.x, right.dy, given, dx=right.grads["x"])
    assert found.wrong == (("W_hf",) if bug else ())
    assert found.bug == ("W_hf: zero" if bug else None)
    assert any(f"gates {', '.join(gates)}" in note for note in found.layout)


def test_inputs_and_states_in_one():
    right = case(make(ns.LSTM))
    given = {"W": np.concatenate([beside(right.grads, "ifog", "W_x"), beside(right.grads, "ifog", "W_h")])}
    found = ns.diagnose(right.layer, right.x, right.dy, given)
    assert found.wrong == ()
    assert found.layout == ("W as [x; h], gates i, f, o, g",)


def test_pytorchs_names():
    right = CASES["gru after"]()
    given = {
        "weight_ih_l0": beside(right.grads, "rzn", "W_x").T,
        "weight_hh_l0": beside(right.grads, "rzn", "W_h").T,
        "bias_ih_l0": beside(right.grads, "rzn", "b_"),
        "bias_hh_l0": np.concatenate([right.grads["b_r"], right.grads["b_z"], right.grads["b_hn"]]),
    }
    assert ns.diagnose(right.layer, right.x, right.dy, given).wrong == ()


def test_names_of_npseq_transposed():
    right = CASES["rnn"]()
    given = {name: right.grads[name].T for name in ("W_xh", "W_hh")}
    found = ns.diagnose(right.layer, right.x, right.dy, given)
    assert found.wrong == ()
    assert found.layout == ("W_hh, W_xh as transposed",)
