"""The Taylor remainders of a right gradient shrink with slopes 1 and 2."""

import numpy as np
import pytest
from gradcheck.problems import gradient, measured, network, point, tensor

from npseq.gradcheck import gradcheck
from npseq.gradcheck.taylor import check_taylor, remainders


def test_the_note_states_the_slopes():
    assert "slopes 1.00 and 2.00" in str(gradcheck(network, point(), gradient, method="taylor"))
    halved = {name: value / 2 for name, value in gradient(point()).items()}
    assert "slopes 1.00 and 1.00" in str(gradcheck(network, point(), halved, method="taylor"))


def test_taylor_passes_a_linear_function_and_fails_a_wrong_gradient_of_one():
    c = np.arange(1.0, 5.0)
    at = {"x": np.array([0.3, -1.0, 2.0, 0.1])}
    assert gradcheck(lambda p: p["x"] @ c, at, {"x": c}, method="taylor")
    assert not gradcheck(lambda p: p["x"] @ c, at, {"x": c * 1.0001}, method="taylor")


def test_the_remainders_of_a_parabola_are_its_powers():
    function = measured(lambda x: (x**2).sum(), [0.5])
    found = remainders(function, "x", np.array([1.0]), 1.0)
    np.testing.assert_allclose(found.first[:8], found.h[:8] + found.h[:8] ** 2)
    np.testing.assert_allclose(found.second[:8], found.h[:8] ** 2)
    assert found.slopes == pytest.approx((1.0, 2.0), abs=0.01)


def test_a_wrong_slope_leaves_a_second_remainder_of_first_order():
    found = remainders(measured(lambda x: (x**2).sum(), [0.5]), "x", np.array([1.0]), 0.9)
    assert found.slopes[1] == pytest.approx(1.0, abs=0.01)


def test_steps_out_of_the_domain_are_left_out():
    with np.errstate(invalid="ignore", divide="ignore"):
        found = remainders(measured(lambda x: np.log(x).sum(), [1e-3]), "x", np.array([-1.0]), -1e3)
    assert np.isfinite(found.first).all()
    assert found.h[0] < 1e-3
    assert found.slopes[1] == pytest.approx(2.0, abs=0.02)


def test_a_gradient_that_is_not_finite_fails_without_an_evaluation():
    function = measured(np.sum, np.ones(2))
    before = function.evaluations
    row = check_taylor(tensor([1.0, np.nan]), function, np.random.default_rng(0))
    assert (row.status, row.error, row.note) == ("fail", np.inf, "the analytic gradient is not finite")
    assert function.evaluations == before
