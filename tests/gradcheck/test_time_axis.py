"""Each step of a tensor with an axis of time is judged on its own scale."""

import numpy as np
import pytest
from gradcheck.problems import tensor

from npseq.gradcheck import gradcheck
from npseq.gradcheck.verdict import Estimate, judge

W = np.array([[0.3, -0.2], [0.1, 0.25]])


def last(p, scale=1.0):
    """The last state of a network whose gradient shrinks threefold by every step."""
    h = np.zeros(2)
    for x in p["x"]:
        h = np.tanh(W @ h + x)
    return scale * h.sum()


def gradient(x, steps=None, scale=1.0):
    """By hand, over the last steps alone if that is asked for."""
    h = [np.zeros(2)]
    for row in x:
        h.append(np.tanh(W @ h[-1] + row))
    dx, dh = np.zeros_like(x), np.full(2, scale)
    for t in range(len(x))[::-1][:steps]:
        dx[t] = dh * (1 - h[t + 1] ** 2)
        dh = W.T @ dx[t]
    return dx


def status(x, dx, method="complex", axis=0, **options):
    return gradcheck(last, {"x": x}, {"x": dx}, method=method, time_axis={"x": axis}, **options).tensors[0]


@pytest.mark.parametrize("steps", [10, 40, 120])
def test_every_cut_is_refused_with_its_steps(steps):
    x = np.random.default_rng(0).standard_normal((steps, 2))
    assert status(x, gradient(x)).status == "pass"
    for cut in {1, steps // 3, steps - 1}:
        row = status(x, gradient(x, cut))
        assert row.status == "fail"
        first = steps - cut - 1
        assert row.where.startswith(f"steps 0 to {first} of {steps}" if first else f"step 0 of {steps}")
        assert row.where.endswith(", all along axis 1")
        assert row.note.endswith(f"entries wrong: {row.where}")
    wrong = gradient(x)
    wrong[0] *= -3
    assert status(x, wrong).status == "fail"
    if steps == 120:
        assert gradcheck(last, {"x": x}, {"x": wrong}, method="complex")  # on the scale of all steps


@pytest.mark.parametrize("scale", [1e-90, 1e90])
def test_the_scale_of_f_does_not_matter(scale):
    x = np.random.default_rng(0).standard_normal((40, 2))
    for cut in (None, 39):
        report = gradcheck(
            lambda p: last(p, scale), {"x": x}, {"x": gradient(x, cut, scale)}, method="complex", time_axis={"x": 0}
        )
        assert bool(report) is (cut is None)


def test_central_is_inconclusive_where_rounding_hides_a_step_and_says_which():
    x = np.random.default_rng(0).standard_normal((40, 2))
    row = status(x, gradient(x), method="central")
    assert row.status == "inconclusive"
    assert ", at steps 0 to " in row.note
    assert status(x, gradient(x, 38), method="central").status == "inconclusive"
    assert status(x[:3], gradient(x[:3]), method="central").status == "pass"
    assert status(x, gradient(x, 6), method="central").status == "fail"


def test_the_axis_may_be_any():
    x = np.random.default_rng(0).standard_normal((40, 2))
    f = lambda p: last({"x": p["x"].T})  # noqa: E731
    for cut in (None, 39):
        dx = {"x": gradient(x, cut).T}
        assert bool(gradcheck(f, {"x": x.T}, dx, method="complex", time_axis={"x": 1})) is (cut is None)


def test_a_slice_without_a_gradient_passes_unless_rounding_could_hide_one():
    x = np.ones((3, 2))
    dx = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    assert gradcheck(lambda p: p["x"][1].sum(), {"x": x}, {"x": dx}, method="complex", time_axis={"x": 0})
    row = gradcheck(lambda p: p["x"][1].sum(), {"x": x}, {"x": dx}, time_axis={"x": 0}).tensors[0]
    assert row.status == "inconclusive"
    assert ", at steps 0, 2 of 3; " in row.note


def test_each_slice_has_the_scale_of_its_largest_entry():
    numeric = Estimate(np.array([1.0, 2.0, 1e-9, np.nan]), np.zeros(4), np.array([0, 0, 1, 1]))
    np.testing.assert_array_equal(numeric.scale(np.array([-3.0, 0.0, 2e-9, 0.0])), [3.0, 3.0, 2e-9, 2e-9])
    row = judge(
        tensor([[1.0, 2.0], [1e-9, 3e-9]])._replace(axis=0),
        Estimate(np.array([1.0, 2.0, 2e-9, 3e-9]), np.zeros(4), np.array([0, 0, 1, 1])),
        zero=False,
        advice="",
    )
    assert (row.status, row.index, row.scale) == ("fail", (1, 0), 2.0)
    assert row.error == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"time_axis": 0}, TypeError, "time_axis must map names of at to the axis of time, got 0; say {'x': 0}"),
        ({"time_axis": {"y": 0}}, ValueError, "time_axis must have names of at, 'x', got 'y'"),
        ({"time_axis": {"x": 2}}, ValueError, r"time_axis\['x'\] must be an integer in \[0, 2\), got 2"),
        ({"time_axis": {"x": True}}, ValueError, r"time_axis\['x'\] must be an integer in \[0, 2\), got True"),
        ({"time_axis": {"x": 0}, "method": "taylor"}, ValueError, "time_axis needs a method that compares entries"),
        ({"at": {"x": 1.0}, "gradient": {"x": 1.0}, "time_axis": {"x": 0}}, ValueError, "which has none; leave it out"),
    ],
)
def test_a_wrong_axis_is_refused(options, error, text):
    at = {"x": np.ones((3, 2))}
    with pytest.raises(error, match=text):
        gradcheck(**{"f": lambda p: p["x"].sum(), "at": at, "gradient": at, **options})
