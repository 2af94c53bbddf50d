"""Circles around the point show whether f is analytic, to the rounding of f over their radius."""

import numpy as np
import pytest
from gradcheck.problems import measured

from npseq.gradcheck import NotAnalyticError, gradcheck
from npseq.gradcheck.analytic import RADII, STEPS, circle, trusted_step


def circle_of(f, x=0.7, centre=0.0, radius=0.1):
    function = measured(f, [x])
    return circle(function, function.complex_copy(), {"x": np.ones(1)}, centre, radius)


def trust(f, x):
    function = measured(f, np.atleast_1d(x))
    direction = function.sizes("x") * np.linspace(1.0, 1.4, np.size(x))
    with np.errstate(all="ignore"):
        return trusted_step(function, function.complex_copy(), "x", direction)


def test_the_slope_of_an_analytic_function_is_right_to_rounding_over_the_radius():
    found = circle_of(lambda x: np.sin(x).sum())
    assert found.slope == pytest.approx(np.cos(0.7), abs=found.floor)
    assert not found.is_mirrored
    assert 1e-15 < found.floor < 1e-13
    assert found.agrees(np.cos(0.7))
    assert not found.agrees(np.cos(0.7) + 2 * found.floor)


def test_a_part_that_drops_the_imaginary_part_is_mirrored():
    found = circle_of(lambda x: (x**2).sum() + 1e-9 * x.real.sum())
    assert found.is_mirrored
    assert found.mirrored == pytest.approx(0.5e-9, rel=1e-4)
    assert found.slope == pytest.approx(1.4 + 0.5e-9, abs=1e-13)
    assert circle_of(lambda x: np.conj(x).sum()).mirrored == pytest.approx(1.0)


def test_a_value_that_is_not_finite_leaves_no_circle():
    with np.errstate(all="ignore"):
        assert circle_of(lambda x: np.exp(1e5 * x).sum()) is None


def test_a_circle_that_does_not_reach_as_far_as_a_kink_is_clean():
    def relu(x):
        return np.where(x.real > 0.5, 3 * (x - 0.5), 0.0).sum()

    assert circle_of(relu).agrees(3.0)
    assert not circle_of(relu, radius=0.3).agrees(3.0) or circle_of(relu, radius=0.3).floor > 1e-3
    assert circle_of(relu, centre=-0.4).agrees(0.0)


@pytest.mark.parametrize("length", [1e-12, 1e-6, 1.0, 1e6])
def test_the_step_of_a_smooth_function_is_the_shortest(length):
    found = trust(lambda x: np.sin(x / length).sum(), [0.3 * length, 0.2 * length])
    assert found.step == STEPS[0]
    assert not found.kink


def test_a_step_that_underflows_is_lengthened():
    assert trust(lambda x: 1e-300 * np.sin(x).sum(), [0.3]).step == STEPS[-1]
    assert trust(lambda x: 1e200 * (1e-300 * np.sin(x).sum()), [0.3]).step > STEPS[0]  # inside of f


def test_a_structure_in_the_way_makes_the_circle_shrink():
    found = trust(lambda x: np.exp(-(((x - 1) / 1e-6) ** 2)).sum(), [1 + 2e-7])
    assert found.step == STEPS[0]
    assert found.slope == pytest.approx(-2 * 2e-7 / 1e-12 * np.exp(-0.04), rel=1e-6)


@pytest.mark.parametrize("part", [1.0, 1e-6, 1e-9, 1e-11])
@pytest.mark.parametrize("drop", [np.abs, np.real, np.conj])
def test_a_small_part_that_is_not_analytic_is_refused(part, drop):
    with pytest.raises(NotAnalyticError, match="along a random direction of 'x' the complex step gives"):
        trust(lambda x: x.sum() + part * drop(x[0]), [0.4, -1.2])


def test_a_part_that_is_left_out_of_the_gradient_too_is_refused():
    x = np.array([0.4, -1.2, 2.0])
    with pytest.raises(NotAnalyticError):
        gradcheck(lambda p: p["x"].sum() + 1e-9 * np.abs(p["x"][0]), {"x": x}, {"x": np.ones(3)}, method="complex")


def test_a_part_of_an_entry_that_is_tiny_is_refused():
    """Moved by its own size, an entry of 1e-14 changes f by no more than rounding."""
    at = {"x": np.array([1e-14, 1.0])}
    with pytest.raises(NotAnalyticError):
        gradcheck(lambda p: p["x"].sum() + np.abs(p["x"][0]), at, {"x": np.ones(2)}, method="complex")


def test_a_cast_to_digits_is_refused_or_decides_nothing():
    x = np.array([0.3, -0.5])
    right = 1 / np.cosh(x) ** 2
    with pytest.raises(NotAnalyticError):
        gradcheck(lambda p: np.round(np.tanh(p["x"]).sum(), 6), {"x": x}, {"x": right}, method="complex")
    for gradient in (right, np.zeros(2)):
        report = gradcheck(lambda p: np.round(np.tanh(p["x"]).sum(), 1), {"x": x}, {"x": gradient}, method="complex")
        assert report.tensors[0].status == "inconclusive"
        assert "rounding hides whether it is right" in str(report)


def test_a_kink_at_the_point_is_told_from_a_function_that_is_not_analytic():
    assert trust(lambda x: np.where(x.real > 0, x, 0).sum(), [0.0, 0.0]).kink
    with pytest.raises(NotAnalyticError):
        trust(lambda x: np.abs(x).sum(), [0.0, 0.0])


def test_a_kink_beside_the_point_makes_the_circle_shrink():
    found = trust(lambda x: np.where(x.real > 0.3 - 1e-7, x, 0).sum(), [0.3])
    assert not found.kink
    assert found.slope == pytest.approx(0.3)


def test_a_pole_inside_the_circle_is_no_mirrored_part():
    x = np.array([1e-8, -1e8])
    assert gradcheck(lambda p: (1 / p["x"]).sum(), {"x": x}, {"x": -1 / x**2}, method="complex")


def test_an_f_that_is_finite_on_no_circle_decides_nothing():
    assert trust(lambda x: np.where(x.real >= 1, x, np.nan).sum(), [1.0]) is None
    assert min(RADII) < 1e-13
