"""Central differences settle most entries in two evaluations, and extrapolate the others."""

import numpy as np
from gradcheck.problems import measured, tensor

from npseq.gradcheck import gradcheck
from npseq.gradcheck.central import check_central


def test_central_costs_two_evaluations_an_entry_and_a_few_more():
    at = {"x": np.random.default_rng(0).standard_normal(500)}
    report = gradcheck(lambda p: np.sin(p["x"]).sum(), at, {"x": np.cos(at["x"])})
    assert report
    assert report.evaluations <= 1000 + 50


def test_a_function_with_no_values_around_the_point_is_inconclusive():
    def f(p):
        return p["x"].sum() if np.all(p["x"] == 1.0) else np.float64(np.nan)

    report = gradcheck(f, {"x": np.ones(2)}, {"x": np.ones(2)})
    assert report.tensors[0].status == "inconclusive"
    assert "f is not finite around the point" in str(report)


def checked(f, x, analytic):
    """The row, and how many evaluations it took."""
    function = measured(f, x)
    before = function.evaluations
    return check_central(tensor(analytic), function, np.random.default_rng(0)), function.evaluations - before


def test_only_an_entry_in_doubt_is_extrapolated():
    x = np.linspace(-1.0, 1.0, 50)
    wrong = np.cos(x)
    wrong[7] *= 1.01
    right_row, least = checked(lambda x: np.sin(x).sum(), x, np.cos(x))
    wrong_row, more = checked(lambda x: np.sin(x).sum(), x, wrong)
    assert (right_row.status, wrong_row.status, wrong_row.index) == ("pass", "fail", (7,))
    assert 2 * x.size <= least < more <= least + 70


def test_an_entry_that_a_plain_step_leaves_in_doubt_is_right_after_extrapolation():
    x = np.array([0.3, -0.2])  # the step that suits the second entry is long for the first
    row, evaluations = checked(lambda x: np.sin(400 * x[0]) + x[1], x, [400 * np.cos(120), 1.0])
    assert row.status == "pass"
    assert row.error < 1e-9
    assert evaluations > 10


def test_an_exact_zero_passes_at_a_stationary_point_and_a_small_slope_does_not():
    flat, _ = checked(lambda x: ((x - 1) ** 2).sum(), np.ones(3), np.zeros(3))
    steep, _ = checked(lambda x: ((x - 1) ** 2).sum() + 1e-6 * x[0], np.ones(3), np.zeros(3))
    assert (flat.status, steep.status) == ("zero", "fail")


def test_an_empty_tensor_passes():
    row, evaluations = checked(lambda x: x.sum(), np.zeros((0, 2)), np.zeros((0, 2)))
    assert (row.status, row.index, row.shape, evaluations) == ("pass", None, (0, 2), 0)
