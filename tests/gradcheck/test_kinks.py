"""A kink of f is named; it is never reported as a wrong gradient, and lets none pass."""

import numpy as np
import pytest

from npseq.gradcheck import gradcheck
from npseq.gradcheck.differences import difference
from npseq.gradcheck.function import Line
from npseq.gradcheck.kinks import Jump, at_kink, shortest_step, slope_jump, step_beside

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


@pytest.mark.parametrize("method", ["central", "directional", "taylor", "complex"])
@pytest.mark.parametrize("power", [2, 3])
def test_a_kink_of_a_power_is_none(method, power):
    """The slopes of relu(x)^2 and x |x| agree at 0: only their second derivatives jump."""
    x = np.array([0.0, 0.0, 1.0])

    def relu_power(p):
        return (np.where(p["x"].real > 0, p["x"], 0) ** power).sum()

    report = gradcheck(relu_power, {"x": x}, {"x": power * np.maximum(x, 0) ** (power - 1)}, method=method)
    assert report.tensors[0].status == "pass"
    report = gradcheck(relu_power, {"x": np.zeros(3)}, {"x": np.zeros(3)}, method=method)
    assert report.tensors[0].status == "zero"
    assert not gradcheck(relu_power, {"x": x}, {"x": power * x ** (power - 1) + [1e-4, 0, 0]}, method=method)


def bent(at=0.0, jump=0.7):
    """A parabola with a kink where the distance is `at`."""
    return Line(lambda t: 0.4 * t + 1.5 * t * t + jump * max(t - at, 0.0), jump * max(-at, 0.0), noise=1e-16)


def steps(line, *lengths):
    return [difference(line, h) for h in lengths]


def test_three_steps_show_the_jump_of_a_bent_parabola():
    found = steps(bent(), 0.5, 0.25, 0.125)
    assert slope_jump(bent(), found, 1e-9).size == pytest.approx(0.7)
    assert slope_jump(bent(), found, 1e-9).step is found[-1]
    assert slope_jump(bent(), found[:2], 1e-9) is None
    assert slope_jump(bent(), found, 0.7 / 4) is None  # less than the tolerance


def test_a_parabola_has_no_jump():
    line = bent(jump=0.0)
    assert slope_jump(line, steps(line, 0.5, 0.25, 0.125), 1e-9) is None


def test_the_shortest_step_has_the_rounding_of_the_target_but_is_shorter_than_the_jump_s():
    jump = Jump(0.7, difference(bent(), 0.32))
    assert shortest_step(bent(), jump, 1e-9) == pytest.approx(1e-7)
    assert shortest_step(bent(), jump, 1e-20) == pytest.approx(0.02)
    assert shortest_step(bent(), jump, 0.0) == pytest.approx(0.02)
    assert shortest_step(bent()._replace(shortest=1e-3), jump, 1e-9) == 1e-3


@pytest.mark.parametrize("at", [1e-3, -1e-3, 1e-5])
def test_a_step_beside_a_kink_does_not_reach_it(at):
    found = step_beside(bent(at), Jump(0.7, difference(bent(at), 0.1)), 1e-7)
    assert abs(at) / 4 < found <= abs(at)


def test_no_step_is_beside_a_kink_at_the_point():
    assert step_beside(bent(), Jump(0.7, difference(bent(), 0.1)), 1e-7) is None
    assert step_beside(bent(1e-9), Jump(0.7, difference(bent(1e-9), 0.1)), 1e-7) is None


def test_at_a_kink_every_slope_between_the_sides_counts():
    found = at_kink(bent(), 1e-3)
    assert (found.low, found.high) == pytest.approx((0.4, 1.1), abs=1e-9)  # the curvature is extrapolated
    assert found.kink == (found.low, found.high)
    assert found.value == pytest.approx(0.75)
    assert at_kink(bent(jump=-0.7), 1e-3).low == pytest.approx(-0.3, abs=1e-9)
