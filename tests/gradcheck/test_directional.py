"""Random directions find one wrong entry among many, and state their chance of missing it."""

import numpy as np
import pytest
from gradcheck.problems import gradient, measured, network, point, tensor

from npseq.gradcheck import gradcheck
from npseq.gradcheck.differences import Derivative, Kink
from npseq.gradcheck.directional import Slope, chance_of_missing, check_directional

RNG = np.random.default_rng


def test_the_directions_are_the_same_unless_rng_is_given():
    first, second = (str(gradcheck(network, point(), gradient, method="directional")) for _ in range(2))
    assert first == second
    assert str(gradcheck(network, point(), gradient, method="directional", rng=1)) != first


def test_one_wrong_entry_among_a_hundred_thousand_is_found():
    rng = np.random.default_rng(0)
    at = {"x": rng.standard_normal(100_000)}
    c = rng.standard_normal(100_000)
    right = {"x": 1e-7 * c * np.cos(at["x"])}

    def g(p):
        return 1e-7 * (c * np.sin(p["x"])).sum()

    report = gradcheck(g, at, right, method="directional")
    assert report
    assert "directions miss one entry wrong by 0.001 of the scale with probability" in str(report)
    right["x"][54_321] += 1e-3 * np.abs(right["x"]).max()
    assert not gradcheck(g, at, right, method="directional")


def test_the_stated_chance_of_missing_is_what_happens():
    v = np.random.default_rng(0).standard_normal((20_000, 2))
    missed = np.mean(np.all(np.abs(0.5 * v) < [0.3, 0.4], axis=1))
    assert chance_of_missing(0.5, [0.3, 0.4]) == pytest.approx(missed, rel=0.05)


def test_no_error_is_never_missed_and_a_tolerance_of_zero_misses_none():
    assert chance_of_missing(0.0, [1.0, 2.0]) == 0.0
    assert chance_of_missing(1.0, [1.0, 0.0]) == 0.0
    assert chance_of_missing(1e-300, [1.0]) == 1.0


def test_a_kink_at_the_point_is_reported_without_an_index():
    row = check_directional(tensor(np.zeros(3)), measured(lambda x: np.abs(x).sum(), np.zeros(3)), rng=RNG(1))
    assert {(kink.name, kink.index) for kink in row.kinks} == {("x", None)}
    assert all(kink.left < 0 < kink.right for kink in row.kinks)


def test_the_entry_that_is_not_finite_is_named():
    function = measured(lambda x: x.sum(), np.ones((2, 2)))
    before = function.evaluations
    row = check_directional(tensor([[1.0, 1.0], [np.inf, 1.0]]), function, rng=RNG(0))
    assert (row.status, row.index, row.analytic, row.error) == ("fail", (1, 0), np.inf, np.inf)
    assert function.evaluations == before


def test_the_direction_of_the_row_gives_its_values():
    x = np.array([0.3, -0.8, 1.1])
    row = check_directional(tensor(np.cos(x)), measured(lambda x: np.sin(x).sum(), x), rng=RNG(0))
    assert row.analytic == np.cos(x) @ row.direction
    assert row.numeric == pytest.approx(row.analytic, rel=1e-6)


@pytest.mark.parametrize("gradient", [[0.0, 0.0], [1e12, 1 / 3]])
def test_a_function_without_values_around_the_point_decides_nothing(gradient):
    def f(p):
        return np.log(p["x"]).sum() if np.all(p["x"] == [1e-12, 3.0]) else np.nan

    report = gradcheck(f, {"x": np.array([1e-12, 3.0])}, {"x": np.array(gradient)}, method="directional")
    assert report.tensors[0].status == "inconclusive"


@pytest.mark.parametrize("method", ["directional", "taylor"])
def test_an_rtol_of_the_caller_is_held_or_the_check_decides_nothing(method):
    """Rounding to float32 hides errors of 9e-4, or of 1e-6."""
    x = np.array([0.3, -0.5, 1.2])
    for error in (0.0, 9e-4):
        report = gradcheck(
            lambda p: np.float32(np.tanh(p["x"]).sum()),
            {"x": x},
            {"x": (1 + error) / np.cosh(x) ** 2},
            method=method,
            rtol=1e-6,
        )
        assert report.tensors[0].status == ("inconclusive" if error == 0 else "fail")


def test_the_slope_nearest_to_what_is_expected_counts_at_a_kink():
    kink = Slope(0.3, Derivative(0.5, 0.0, 0.0, 1.0, Kink(0.0, 1.0)), np.ones(1))
    assert (kink.nearest, kink.distance) == (0.3, 0.0)
    assert (kink._replace(expected=1.5).nearest, kink._replace(expected=1.5).distance) == (1.0, 0.5)
    assert Slope(0.3, Derivative(np.nan, np.inf, np.nan, np.nan), np.ones(1)).distance == np.inf
