"""Other sums in a parameter's place, and what is done to a finished gradient."""

import numpy as np
import pytest
from diagnosis.cases import CASES, T

from npseq.diagnosis.passes import Pass, total

RIGHT = CASES["rnn"]()


@pytest.mark.parametrize(
    ("name", "wrong", "text"),
    [
        ("W_hh", lambda g: g.T, "S4: dW_h transposed"),
        ("W_hh", lambda g: 0 * g, "W_hh: never computed: it is zero"),
        ("W_hh", lambda g: -g, "W_hh: -1 times what it should be"),
        ("W_xh", lambda g: g / T, "W_xh: 1/T = 0.2 times what it should be"),
        ("b_h", lambda g: g.clip(-0.5, 0.5), "b_h: its entries are clipped to 0.5"),
        ("W_xh", lambda g: g + RIGHT.layer.params["W_xh"], "W_xh: the parameter itself is added"),
        ("b_h", lambda g: g - 3 * RIGHT.layer.params["b_h"], "b_h: a multiple of the parameter is added: weight decay"),
        ("x", lambda g: g[::-1], "x: its steps are in reversed order"),
        ("x", lambda g: g[::-1].cumsum(axis=0)[::-1], "x: it is added up over the steps"),
        ("x", lambda g: np.concatenate([0 * g[:1], g[:-1]]), "x: it is one step late"),
        ("x", lambda g: g * (np.arange(T) == T - 1)[:, None, None], "x: the last step's alone is there"),
    ],
)  # fmt: skip
def test_what_is_done_to_a_gradient(name, wrong, text):
    assert RIGHT.diagnosed(**{name: wrong(RIGHT.grads[name])}).text == f"This looks like: {text}."


@pytest.mark.parametrize(
    ("operand", "weights", "text"),
    [
        ("h_new", 1, "F4: dW_h from h_t in place of h_{t-1}"),
        ("h.wrapped_before", 1, "W_hh: multiplied with h of the step before, the last one's at the first step"),
        ("h", (np.arange(T) == T - 1)[:, None, None, None], "W_hh: the sum is the last step's alone"),
        ("h", (np.arange(3) == 0), "W_hh: the sum is the first sequence's alone"),
    ],
)
def test_another_sum(operand, weights, text):
    (kept,) = Pass(RIGHT.problem, [()]).kept
    (wrong,) = total(kept.strand.leaf(operand), kept.roots["kept_h"] * weights)
    assert RIGHT.diagnosed(W_hh=wrong).text == f"This looks like: {text}."
