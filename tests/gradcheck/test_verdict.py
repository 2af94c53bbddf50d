"""The verdict says what the rounding of f hides, and nothing passes because it is small."""

import numpy as np
import pytest
from gradcheck.problems import AT, METHODS, dsmooth, gradient, network, point, scaled, smooth, tensor

from npseq.gradcheck import gradcheck
from npseq.gradcheck.differences import Derivative, Kink
from npseq.gradcheck.verdict import Estimate, Tolerance, judge


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scale", [1e-20, 1e-8, 1e-7, 1.0, 1e5, 1e20])
def test_the_scale_of_the_gradient_does_not_matter(method, scale):
    assert gradcheck(lambda p: scale * smooth(p), AT, scaled(scale), method=method)
    for factor in (3.0, 1.01, 0.0, -1.0):
        assert not gradcheck(lambda p: scale * smooth(p), AT, scaled(scale, factor), method=method)


@pytest.mark.parametrize("method", ["central", "directional", "taylor"])
@pytest.mark.parametrize("factor", [0.0, 1.01, 3.0, -1.0])
def test_under_a_large_constant_no_wrong_gradient_passes(method, factor):
    assert not gradcheck(lambda p: 1e3 + 1e-8 * smooth(p), AT, scaled(1e-8, factor), method=method)


@pytest.mark.parametrize("method", ["central", "directional", "taylor"])
@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_a_gradient_below_the_rounding_of_f_is_inconclusive(method, factor):
    report = gradcheck(lambda p: 1e3 + 1e-13 * smooth(p), AT, scaled(1e-13, factor), method=method)
    assert not report
    assert report.tensors[0].status == "inconclusive"
    assert "use method='complex'" in str(report)


def test_a_small_tensor_beside_a_large_one_is_judged_by_its_own_scale():
    def f(p):
        return np.sin(p["big"]).sum() + 1e-8 * np.cos(p["small"]).sum()

    at = {"big": np.array([0.4, 1.0]), "small": np.array([0.7, -1.3, 2.0])}
    right = {"big": np.cos(at["big"]), "small": -1e-8 * np.sin(at["small"])}
    for method in ("central", "complex", "directional"):
        assert gradcheck(f, at, right, method=method)
        wrong = {**right, "small": 1.002 * right["small"]}
        report = gradcheck(f, at, wrong, method=method)
        assert {row.name: row.status for row in report.tensors} == {"big": "pass", "small": "fail"}


def test_what_cannot_be_resolved_to_a_given_rtol_is_inconclusive():
    report = gradcheck(lambda p: np.float32(smooth(p)), AT, dsmooth, rtol=1e-10)
    assert report.tensors[0].status == "inconclusive"


class TestZeroGradients:
    def test_that_f_ignores_pass(self):
        for method in METHODS:
            report = gradcheck(
                lambda p: smooth(p) + 1.0, {**AT, "y": np.ones(3)}, {**dsmooth(AT), "y": np.zeros(3)}, method=method
            )
            assert report
            assert report.tensors[1].status == "zero"

    @pytest.mark.parametrize("constant", [0.0, 1.0, 1e3])
    def test_at_a_stationary_point_pass(self, constant):
        def f(p):
            return constant + ((p["x"] - 1) ** 2 * (2 + p["x"])).sum()

        for method in METHODS:
            assert gradcheck(f, {"x": np.ones(4)}, {"x": np.zeros(4)}, method=method)
            assert not gradcheck(f, {"x": np.ones(4)}, {"x": np.array([0, 0, 1e-3, 0])}, method=method)

    def test_of_a_sum_that_cancels_to_rounding_pass(self):
        def f(p):
            e = np.exp(p["x"])
            return (e / e.sum()).sum()

        x = np.random.default_rng(0).standard_normal(5)
        for method in METHODS:
            assert gradcheck(f, {"x": x}, {"x": np.zeros(5)}, method=method)
        assert gradcheck(f, {"x": x}, {"x": np.full(5, 1e-17)}, method="complex")
        assert not gradcheck(f, {"x": x}, {"x": np.full(5, 1e-13)}, method="complex")

    def test_for_a_small_gradient_fail(self):
        for method in METHODS:
            assert not gradcheck(lambda p: 1 + 1e-10 * smooth(p), AT, {"x": np.zeros(3)}, method=method)


@pytest.mark.parametrize("method", ["central", "complex"])
def test_the_worst_entry_is_named_with_both_values(method):
    at, wrong = point(), gradient(point())
    right = wrong["W"][2, 1]
    wrong["W"][2, 1] *= -1
    name, index, analytic, numeric = gradcheck(network, at, wrong, method=method).worst
    assert (name, index, analytic) == ("W", (2, 1), -right)
    assert numeric == pytest.approx(right, rel=1e-6)


def test_a_float32_gradient_is_held_to_float32_accuracy():
    at = point()
    rounded = {name: value.astype(np.float32) for name, value in gradient(at).items()}
    assert gradcheck(network, at, rounded)
    assert gradcheck(network, at, rounded, method="complex")
    rounded["W"][0, 0] += 1e-3 * np.abs(rounded["W"]).max()
    assert not gradcheck(network, at, rounded)
    assert not gradcheck(network, at, rounded, method="complex")


def test_the_default_tolerance_is_wider_for_float32():
    assert Tolerance.of(None, 1e-12, np.dtype(np.float64)) == (1e-12, 1e-4)
    assert Tolerance.of(None, 1e-12, np.dtype(np.float32)) == (1e-4, 1e-4)
    assert Tolerance.of(1e-9, 1e-12, np.dtype(np.float32)) == (1e-9, 1e-9)


def test_an_entry_within_rtol_and_its_own_error_passes():
    analytic, error = np.array([1.0, 0.5, -0.25]), np.array([0.0, 1e-5, 0.0])
    row = judge(tensor(analytic), Estimate(analytic + np.array([0, 1e-5, 9e-7]), error), zero=False, advice="")
    assert (row.status, row.index) == ("pass", (1,))
    assert row.tolerance == pytest.approx(1e-6 + 1e-5)
    row = judge(tensor(analytic), Estimate(analytic + np.array([0, 1e-5, 2e-6]), error), zero=False, advice="")
    assert (row.status, row.index, row.note) == ("fail", (2,), "1 of 3 entries wrong: entry [2]")


def test_an_error_above_the_resolution_decides_nothing():
    row = judge(
        tensor([1.0, 0.5]), Estimate(np.array([1.0, 0.5]), np.array([0.0, 1e-3])), zero=False, advice="rescale f"
    )
    assert row.status == "inconclusive"
    assert row.note == "an error of 1.0e-03 of the gradient's scale can hide here, above 1.0e-04; rescale f"


def test_a_value_without_a_bound_on_its_error_decides_nothing():
    row = judge(tensor([1.0, 0.5]), Estimate(np.array([1.0, 0.5]), np.array([0.0, np.inf])), zero=False, advice="x")
    assert (row.status, row.note.split(",")[0]) == ("inconclusive", "the numeric gradient cannot be trusted")


def test_a_kink_takes_any_slope_between_its_sides():
    for value, status in ((-1.0, "kink"), (0.3, "kink"), (2.0, "kink"), (2.01, "fail"), (-1.01, "fail")):
        numeric = Estimate(np.array([3.0, 0.0]), np.zeros(2))
        numeric.replace(1, Derivative(0.5, 0.0, -1.0, 2.0, Kink(-1.0, 2.0)))
        row = judge(tensor([3.0, value]), numeric, zero=False, advice="")
        assert row.status == status
        assert row.kinks == (("x", (1,), -1.0, 2.0, value),)


def test_the_scale_is_the_largest_finite_entry_of_either_gradient():
    numeric = Estimate(np.array([0.1, -4.0, np.nan]), np.zeros(3))
    np.testing.assert_array_equal(numeric.scale(np.array([3.0, 1.0, np.inf])), [4.0, 4.0, 4.0])
    assert Estimate(np.zeros(0), np.zeros(0)).scale(np.zeros(0)).size == 0
    numeric.replace(1, Derivative(2.0, 0.0, -50.0, 90.0, Kink(-50.0, 90.0)))
    assert numeric.scale(np.array([3.0, 1.0, np.inf])).max() == 3.0  # at a kink, the slope that is nearest counts
    numeric.replace(1, Derivative(-4.0, 0.0, -4.0, -4.0))
    np.testing.assert_array_equal(numeric.distance(np.array([3.1, -4.0, np.inf])), [3.0, 0.0, np.inf])
