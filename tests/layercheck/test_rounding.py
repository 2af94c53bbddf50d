"""Layers whose units are at the end of a sigmoid or tanh: what rounding has cost their gradients is known, and said.

Never is a right gradient refused as wrong, nor a wrong one passed.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from itertools import product

import numpy as np
import pytest
from layercheck.small_layers import numbers
from layers.recurrent_cases import make
from mutants.mutant import edit

import npseq as ns
from npseq.activations import dsigmoid, dtanh, sigmoid, tanh
from npseq.layercheck.check import layer_problem
from npseq.layers.lstm import LSTMCell

X = numbers(3, 2, 2)
SIGMOIDS = [*product(("gru after", "gru before"), "rz"), *product(("lstm", "lstm both"), "ifo")]
TANHS = [("rnn tanh", "h"), ("gru after", "n"), ("gru before", "n"), ("lstm", "g")]
LOST = "outputs near 1 of a sigmoid or tanh have lost the digits"


def with_bias(cell, gate, bias):
    layer = make(cell, 2, 3, num_layers=1)
    layer.params[f"b_{gate}"][...] = bias
    return layer


@pytest.mark.parametrize("of_tanh", [True, False])
def test_the_bound_of_the_docstring_holds(of_tanh):
    """|ds| of the derivative read off the output, against decimals; k = 3."""
    k, u = 3, Decimal(2) ** -53
    a = np.random.default_rng(0).uniform(-45, 45, 3000)
    y = tanh(a) if of_tanh else sigmoid(a)
    s = dtanh(y) if of_tanh else dsigmoid(y)
    with localcontext() as context:
        context.prec = 60
        for at, out, found in zip(a.tolist(), y.tolist(), s.tolist(), strict=True):
            e = (-Decimal(abs(at)) * (2 if of_tanh else 1)).exp()
            exact = (4 if of_tanh else 1) * e / (1 + e) ** 2
            y_d, s_d = Decimal(out), Decimal(found)
            bound = (2 * k + 1) * u * y_d**2 if of_tanh else k * u * y_d * abs(1 - 2 * y_d) + u * y_d**2
            assert abs(s_d - exact) <= bound + u * exact


@pytest.mark.parametrize("bias", [-11.0, -20.0, -35.0])
@pytest.mark.parametrize(("cell", "gate"), SIGMOIDS)
def test_a_nearly_closed_gate_has_lost_nothing(cell, gate, bias):
    report = ns.gradcheck_layer(with_bias(cell, gate, bias), X)
    assert report.max_error < 1e-12, report
    assert not any(row.note for row in report.tensors)


@pytest.mark.parametrize(
    ("cell", "gate", "bias"),
    [(*case, bias) for case in SIGMOIDS for bias in (11, 20)] + [(*case, b) for case in TANHS for b in (-11, 11)],
)
def test_an_open_gate_passes_with_a_word_about_its_digits(cell, gate, bias):
    report = ns.gradcheck_layer(with_bias(cell, gate, bias), X)
    assert report, report
    (row,) = (row for row in report.tensors if row.name == f"W_x{gate}")
    assert row.error <= row.tolerance
    assert LOST in row.note or row.error <= 1e-12


@pytest.mark.parametrize(
    ("cell", "gate", "bias"), [(*case, 35) for case in SIGMOIDS] + [(*case, b) for case in TANHS for b in (-20, 35)]
)
def test_without_digits_nothing_is_decided(cell, gate, bias):
    report = ns.gradcheck_layer(with_bias(cell, gate, bias), X)
    assert {row.status for row in report.tensors} <= {"pass", "zero", "inconclusive"}, report
    (row,) = (row for row in report.tensors if row.name == f"W_x{gate}")
    assert row.status == "inconclusive"
    assert LOST in row.note


def test_a_cell_state_at_the_end_of_its_tanh():
    """The tanh of (L6) is computed anew in backward and lies on no tape."""
    layer = make("lstm", 2, 3, num_layers=1)
    state = numbers(1, 2, 3), np.full((1, 2, 3), 9.0)
    report = ns.gradcheck_layer(layer, X, state)
    assert report, report
    state[1][...] = 30.0
    assert {row.status for row in ns.gradcheck_layer(layer, X, state).tensors} <= {"pass", "inconclusive"}


@pytest.mark.parametrize("change", ["s_i *= g -> pass", "s_f *= c -> s_f *= c_new", "s_g *= i -> s_g *= f"])
@pytest.mark.parametrize("bias", [11.0, 35.0])
@pytest.mark.parametrize("gate", ["i", "g"])
def test_a_wrong_gradient_never_passes(gate, bias, change):
    with edit(LSTMCell.local_derivatives, change.replace("*= f", "*= a[2]"))():
        assert not ns.gradcheck_layer(with_bias("lstm", gate, bias), X)


def test_a_mistake_above_what_is_lost_is_a_failure():
    layer = with_bias("lstm", "i", 20.0)
    with edit(LSTMCell.local_derivatives, "s_i *= g -> s_i *= 1.0001 * g")():
        report = ns.gradcheck_layer(layer, X)
    assert {row.name for row in report.tensors if row.status == "fail"} == {"W_xi", "W_hi", "b_i"}


def test_what_is_measured_bounds_the_loss_and_is_not_far_from_it():
    """1 - y = e^-15 as exp has it: from a rounded y it is known to 1.1e-16 / 3.1e-7 = 3.6e-10, or a few times that."""
    layer = with_bias("lstm", "i", 15.0)
    problem = layer_problem(layer, X)
    lost, scale = problem.rounding(), np.abs(problem.gradient(np.float64)["b_i"]).max()
    assert 3.6e-10 < lost["b_i"].max() / scale < 1e-7
    assert lost["b_g"].max() < 1e-12


def test_two_directions_with_dropout_and_lengths():
    parts = [with_bias("gru after", "z", 15.0), ns.LSTM(2, 2, 2, dropout=0.5, dtype=np.float64, rng=0)]
    parts[1].params["b_o_l1"][...] = 20.0
    report = ns.gradcheck_layer(ns.Bidirectional(*parts), X, lengths=np.array([2, 3]))
    assert report, report
    assert LOST in str(report)


def test_the_layer_keeps_its_own_cell():
    layer = with_bias("lstm", "i", 15.0)
    before = layer.cell
    ns.gradcheck_layer(layer, X)
    assert layer.cell is before
    assert type(layer.cell) is LSTMCell
