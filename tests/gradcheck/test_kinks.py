"""A kink of f is named; it is never reported as a wrong gradient, and lets none pass."""

import numpy as np
import pytest

from npseq.gradcheck import gradcheck
from npseq.gradcheck.differences import Derivative, difference
from npseq.gradcheck.function import Line
from npseq.gradcheck.kinks import Jump, at_kink, kink_beside, slope_jump

SLOPES = np.arange(1.0, 6.0)


def relu(p):
    return np.tanh(np.maximum(p["x"], 0) * SLOPES).sum() + np.sin(p["x"]).sum()


def drelu(x, at_zero=0.0):
    open_ = np.where(x == 0, at_zero, x > 0)
    return open_ * SLOPES / np.cosh(np.maximum(x, 0) * SLOPES) ** 2 + np.cos(x)


@pytest.mark.parametrize("at_zero", [0.0, 0.5, 1.0])
def test_a_kink_at_the_point_is_named_and_any_slope_between_passes(at_zero):
    x = np.array([0.7, 0.0, -0.3, 1.1, 0.2])
    report = gradcheck(relu, {"x": x}, {"x": drelu(x, at_zero)})
    assert report
    assert report.tensors[0].status == "kink"
    (kink,) = report.kinks
    assert (kink.name, kink.index) == ("x", (1,))
    assert (kink.left, kink.right) == pytest.approx((1.0, 3.0), rel=1e-4)
    assert "kink at x[1]: slopes 1 and 3" in str(report)


@pytest.mark.parametrize("at_zero", [-0.01, 1.01, 3.0])
def test_a_slope_outside_of_the_two_sides_fails(at_zero):
    x = np.array([0.7, 0.0, -0.3, 1.1, 0.2])
    report = gradcheck(relu, {"x": x}, {"x": drelu(x, at_zero)})
    assert not report
    assert report.worst.index == (1,)
    assert report.kinks


def test_every_entry_may_be_at_a_kink():
    def f(p):
        return np.abs(p["x"]).sum()

    assert gradcheck(f, {"x": np.zeros(3)}, {"x": np.array([0.0, 0.5, -1.0])})
    assert len(gradcheck(f, {"x": np.zeros(3)}, {"x": np.zeros(3)}).kinks) == 3
    assert not gradcheck(f, {"x": np.zeros(3)}, {"x": np.array([0.0, 0.5, -1.1])})


@pytest.mark.parametrize("start", range(0, 200, 50))
def test_a_kink_at_any_distance_is_no_false_alarm(start):
    for seed in range(start, start + 50):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal(5)
        x[1] = 10 ** rng.uniform(-15, 0) * rng.choice([-1, 1])
        right = {"x": drelu(x)}
        assert gradcheck(relu, {"x": x}, right), seed
        assert gradcheck(relu, {"x": x}, right, method="complex"), seed
        wrong = {"x": right["x"].copy()}
        wrong["x"][rng.choice([0, 2, 3, 4])] += rng.choice([-1, 1]) * 1e-3 * np.abs(right["x"]).max()
        assert not gradcheck(relu, {"x": x}, wrong), seed


@pytest.mark.parametrize("distance", [1e-8, -1e-8, 1e-7, -1e-7])
def test_beside_the_point_only_the_true_slope_passes(distance):
    x = np.array([0.7, distance, -0.3, 1.1, 0.2])
    report = gradcheck(relu, {"x": x}, {"x": drelu(x)})
    assert report
    assert {kink.index for kink in report.kinks} <= {(1,)}  # none, where no step had to reach as far as the kink
    other_side = drelu(np.where(np.arange(5) == 1, -x, x))
    assert not gradcheck(relu, {"x": x}, {"x": other_side})
    assert not gradcheck(relu, {"x": x}, {"x": (drelu(x) + other_side) / 2})


def test_a_maximum_has_a_kink_where_two_are_equal():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4, 6))
    x[2, 3] = x[2, 5] = x[2].max() + 1
    chosen = (np.arange(6) == x.argmax(1)[:, None]).astype(float)
    report = gradcheck(lambda p: p["x"].max(1).sum(), {"x": x}, {"x": chosen})
    assert report
    assert {kink.index for kink in report.kinks} == {(2, 3), (2, 5)}


def bent(at=0.0, jump=0.7):
    """A parabola with a kink where the distance is `at`."""
    return Line(lambda t: 0.4 * t + 1.5 * t * t + (jump * (t - at) if t > at else 0.0), 0.0, noise=1e-16)


def test_three_steps_show_the_jump_of_a_bent_parabola():
    steps = [difference(bent(), h) for h in (0.5, 0.25, 0.125)]
    assert slope_jump(steps, 1e-9).size == pytest.approx(0.7)
    assert slope_jump(steps[:2], 1e-9) is None


def test_a_parabola_has_no_jump():
    assert slope_jump([difference(bent(jump=0.0), h) for h in (0.5, 0.25, 0.125)], 1e-9) is None


def test_a_kink_beside_the_point_is_found_between_two_steps():
    line = Line(lambda t: abs(t - 1e-3), 1e-3, noise=1e-16)
    steps = [difference(line, h) for h in (0.02, 0.01, 5e-4)]
    assert kink_beside(steps, -1.0, 1e-9) is steps[1]
    assert kink_beside(steps[1:], -1.0, 1e-9) is None


def test_at_a_kink_every_slope_between_the_sides_counts():
    step = difference(bent(), 1e-3)
    found = at_kink(bent(), 1e-9, Jump(0.7, step), Derivative(np.nan, np.inf, np.nan, np.nan), 1e-3)
    assert (found.low, found.high) == pytest.approx((0.4, 1.1), abs=1e-5)
    assert found.kink == (found.low, found.high)


def test_beside_a_kink_the_derivative_is_one_number_and_the_kink_is_reported():
    line = bent(at=1e-3)
    step = difference(line, 1e-2)
    found = at_kink(line, 1e-6, Jump(0.7, step), Derivative(np.nan, np.inf, np.nan, np.nan), 1e-2)
    assert found.low == found.high == found.value == pytest.approx(0.4, abs=1e-6)
    assert found.kink == (step.left, step.right)
