"""Gradients that come from another pass."""

import numpy as np
import pytest
from diagnosis.cases import CASES

from npseq.diagnosis.passes import gradients_of
from npseq.diagnosis.zoo import CATALOGUE
from npseq.diagnosis.zoo.elsewhere import forward_order, with_the_other_reset


def test_jacobians_in_forward_order():
    """dy of step k reaches step t through J_{t+1} first, J_k last; right is the other way round."""
    right = CASES["rnn"]()
    found = forward_order(right.problem)
    W, h_new = right.layer.params["W_hh"], right.problem.strands[0].leaf("h_new")
    db = 0
    for t in range(5):
        total = 0
        for k in range(t, 5):
            term = right.dy[k].T
            for j in range(t + 1, k + 1):
                term = W @ ((1 - h_new[j] ** 2) * term)
            total = total + term
        db = db + ((1 - h_new[t] ** 2) * total).sum(axis=1)
    np.testing.assert_allclose(found["b_h"][0], db, rtol=1e-12)


def test_two_steps_have_one_order_only():
    right = CASES["rnn"]()
    assert not np.allclose(forward_order(right.problem)["b_h"][0], right.grads["b_h"])


@pytest.mark.parametrize("name", ["rnn", "two kinds"])
def test_only_a_gru_has_another_reset(name):
    assert with_the_other_reset(CASES[name]().problem) is None


def test_where_a_mistake_is_not_possible_there_are_no_numbers():
    (f14,) = (mistake for mistake in CATALOGUE if mistake.id == "F14")
    assert np.isnan(gradients_of(CASES["rnn"]().problem, [(f14,)])["b_h"]).all()
