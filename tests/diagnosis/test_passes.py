"""The pass for many hypotheses has layer.backward's numbers where nothing is wrong, and a mistake's where one is."""

import numpy as np
import pytest
from diagnosis.cases import CASES

from npseq.diagnosis.mistake import Mistake, SumChange
from npseq.diagnosis.passes import gradients_of

HALVED = Mistake("", "", sums={"b_*": SumChange(after=lambda value, of: value / 2)})


@pytest.mark.parametrize("name", CASES)
def test_without_a_mistake_the_gradients_are_those_of_backward(name):
    right = CASES[name]()
    found = gradients_of(right.problem, [(), ()])
    assert found.keys() == right.grads.keys()
    for key, value in right.grads.items():
        for row in found[key]:
            np.testing.assert_allclose(row, value, rtol=1e-12, atol=1e-13 * np.abs(value).max(), err_msg=key)


def test_each_hypothesis_has_its_own_row():
    right = CASES["rnn"]()
    found = gradients_of(right.problem, [(), (HALVED,), (Mistake("", "", step=("dh = 0",)),)])
    np.testing.assert_allclose(found["b_h"][1], right.grads["b_h"] / 2)
    np.testing.assert_array_equal(found["W_hh"][1], found["W_hh"][0])
    np.testing.assert_allclose(found["h0"][2], 0)


def test_two_mistakes_act_on_each_other_as_in_code():
    right = CASES["rnn"]()
    tanh_left_out = Mistake("", "", step=("da_h = dh_new",))
    sign = Mistake("", "", step=("dh_total = dy - p",))
    found = gradients_of(right.problem, [(tanh_left_out, sign, HALVED)])
    W, p, db = right.layer.params["W_hh"], 0, 0
    for dy in right.dy[::-1]:
        da = dy - p
        db, p = db + da.sum(axis=0), da @ W.T
    np.testing.assert_allclose(found["b_h"][0], db / 2)
    np.testing.assert_allclose(found["h0"][0, 0], p)


def test_a_sum_is_changed_in_one_layer_or_in_all():
    right = CASES["rnn, two layers, both directions, ragged"]()
    nothing = SumChange(after=lambda value, of: 0 * value)
    found = gradients_of(right.problem, [(Mistake("", "", sums={name: nothing}),) for name in ("W_hh", "=W_hh")])
    zero = [{name for name, value in found.items() if not value[row].any()} - {"x", "h0"} for row in (0, 1)]
    assert zero == [{"W_hh", "W_hh_reverse", "W_hh_l1", "W_hh_l1_reverse"}, {"W_hh"}]
