"""RMSprop takes the steps computed by hand: from 1, learning rate 1."""

from fractions import Fraction
from math import sqrt

import numpy as np
import pytest
from optim.cases import alone

from npseq.optim import RMSprop


@pytest.mark.parametrize(
    ("options", "grads", "expected"),
    [
        ({"alpha": 0.75, "eps": 0}, (2, 1), -2.0),  # v = 1, 1
        ({"alpha": 0.75, "eps": 1}, (2,), 0.0),  # eps is added to the root
        ({"alpha": 0.75, "eps": 0, "momentum": 0.5}, (2, 1), -3.0),  # b = 2, 2
        ({"alpha": 0.5, "eps": 0, "centered": True}, (2,), -1.0),  # v - m^2 = 2 - 1
        ({"alpha": 0.75, "eps": 0, "weight_decay": 1}, (1,), -1.0),  # the gradient is 2
    ],
)
def test_the_steps_are_those_computed_by_hand(options, grads, expected):
    assert alone(RMSprop(1, **options), *grads) == expected


def test_the_state_names_its_kinds_and_parameters():
    optimizer = RMSprop(momentum=0.9, centered=True)
    optimizer.step({"W": np.ones(2)}, {"W": np.ones(2)})
    assert set(optimizer.state_dict()) == {"steps", "lr", "square/W", "mean/W", "momentum/W"}
    assert optimizer.state_dict()["steps"] == 1


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"alpha": -1}, "alpha must be in"),
        ({"eps": -1}, "eps must lie in"),
        ({"momentum": -1}, "momentum must lie in"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, text):
    with pytest.raises(ValueError, match=text):
        RMSprop(**options)


def test_centered_is_the_running_square_less_that_of_the_running_mean():
    """The textbook's form, in fractions, over gradients that vary."""
    alpha, v, m, p = Fraction(9, 10), Fraction(0), Fraction(0), 1.0
    params, optimizer = {"w": np.array([1.0])}, RMSprop(0.01, alpha=0.9, centered=True)
    for g in (3, -1, 2, 2, 5, -4):
        v, m = alpha * v + (1 - alpha) * g * g, alpha * m + (1 - alpha) * g
        p -= 0.01 * g / (sqrt(v - m * m) + 1e-8)
        optimizer.step(params, {"w": np.array([float(g)])})
        assert params["w"][0] == pytest.approx(p, rel=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_centered_stays_finite_where_the_gradient_never_changes(dtype):
    """The variance falls as alpha^t; in float32 the difference of two squares is negative after some 1,200 steps."""
    grad = np.array([1, 0.1, 1e-3, 123.4], dtype)
    params, optimizer = {"w": np.zeros(4, dtype)}, RMSprop(1e-4, centered=True)
    for t in range(1, 3001):
        before = params["w"].copy()
        optimizer.step(params, {"w": grad})
        if t in (1, 1000) or (t == 3000 and dtype is np.float64):  # in float32 m comes no nearer to g by then
            deviation = sqrt(0.99**t * (1 - 0.99**t))  # times the gradient
            np.testing.assert_allclose(before - params["w"], 1e-4 / (deviation + 1e-8 / grad), rtol=1e-3)
    assert np.isfinite(params["w"]).all()
