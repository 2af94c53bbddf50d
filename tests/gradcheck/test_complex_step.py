"""A complex step is right to rounding, and refused where f is not analytic, whatever the analytic gradient is."""

import numpy as np
import pytest
from gradcheck import problems

from npseq.gradcheck import NotAnalyticError, gradcheck
from npseq.gradcheck.complex_step import check_complex, complex_copy

AT = {"x": np.array([0.5, -1.5, 2.0]), "y": np.array([[0.3, -0.2]])}
A = np.array([1.0, -2.0, 0.5])


def smooth(p):
    return (np.sin(p["x"]) * A).sum() + (p["y"] ** 3).sum()


DSMOOTH = {"x": np.cos(AT["x"]) * A, "y": 3 * AT["y"] ** 2}

BROKEN = {
    "abs": (lambda p: smooth(p) + np.abs(p["x"]).sum(), {"x": np.sign(AT["x"])}),
    "real part of one tensor": (lambda p: smooth({**p, "y": p["y"].real}), {}),
    "real part of one entry": (lambda p: smooth(p) + p["x"][1].real ** 2, {"x": np.array([0, 2 * AT["x"][1], 0])}),
    "conjugate": (lambda p: smooth({**p, "x": np.conj(p["x"])}), {}),
    "squared modulus": (lambda p: smooth(p) + (p["y"] * np.conj(p["y"])).sum(), {"y": 2 * AT["y"]}),
    "real result": (lambda p: smooth(p).real, {}),
    "float()": (lambda p: float(smooth(p)), {}),
    "cast": (lambda p: smooth({**p, "x": p["x"].astype(np.float32)}), {}),
    "written into a real array": (lambda p: smooth({**p, "y": copied(p["y"])}), {}),
    "no complex kernel": (lambda p: smooth(p) + np.arctan2(p["x"], 2.0).sum(), {"x": 2 / (4 + AT["x"] ** 2)}),
    "comparison": (lambda p: smooth(p) + 5 * (np.linalg.norm(p["x"]) > 1) * p["x"].real.sum(), {"x": np.full(3, 5.0)}),
}


def copied(value):
    buffer = np.empty(value.shape)
    buffer[...] = value
    return buffer


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_it_is_refused_by_complex_and_decided_by_central(name, factor):
    f, extra = BROKEN[name]
    right = {key: DSMOOTH[key] + extra.get(key, 0.0) for key in DSMOOTH}
    given = {key: factor * value for key, value in right.items()}
    with pytest.raises(NotAnalyticError, match="method='central'"):
        gradcheck(f, AT, given, method="complex")
    if name != "cast":
        assert gradcheck(f, AT, given).passed is (factor == 1.0)


def test_a_part_without_imaginary_part_in_f_and_gradient_is_refused():
    """An analytic gradient that forgets the very part that the complex step cannot see."""
    with pytest.raises(NotAnalyticError, match="drops or changes the imaginary part"):
        gradcheck(lambda p: smooth({**p, "y": p["y"].real}), AT, {**DSMOOTH, "y": np.zeros((1, 2))}, method="complex")


def test_the_error_says_what_happened():
    with pytest.raises(NotAnalyticError, match="f raised TypeError"):
        gradcheck(BROKEN["no complex kernel"][0], AT, DSMOOTH, method="complex")
    with pytest.raises(NotAnalyticError, match="f raised ComplexWarning"):
        gradcheck(BROKEN["cast"][0], AT, DSMOOTH, method="complex")
    with pytest.raises(NotAnalyticError, match="returned a real value"):
        gradcheck(BROKEN["real result"][0], AT, DSMOOTH, method="complex")
    with pytest.raises(NotAnalyticError, match="where the same real arrays give"):
        gradcheck(lambda p: smooth(p) + np.iscomplexobj(p["x"]), AT, DSMOOTH, method="complex")
    assert issubclass(NotAnalyticError, ValueError)


def test_a_wrong_gradient_of_an_analytic_function_is_wrong_not_refused():
    for wrong in ({**DSMOOTH, "y": np.zeros((1, 2))}, {**DSMOOTH, "x": 1.001 * DSMOOTH["x"]}):
        assert gradcheck(smooth, AT, wrong, method="complex").worst_tensor.status == "fail"


def test_branches_on_the_real_part_are_analytic():
    def relu(p):
        return (np.where(p["x"].real > 0, p["x"], 0) * A).sum() + (p["y"] ** 2).sum()

    assert gradcheck(relu, AT, {"x": (AT["x"] > 0) * A, "y": 2 * AT["y"]}, method="complex")


def test_it_is_right_to_rounding_at_any_scale():
    for scale in (1e-30, 1e-8, 1.0, 1e5):
        right = {name: scale * value for name, value in problems.gradient(problems.point()).items()}
        report = gradcheck(lambda p, c=scale: c * problems.network(p), problems.point(), right, method="complex")
        assert report
        assert report.max_error < 5e-15


def test_it_decides_under_a_large_constant():
    for scale in (1e-8, 1e-13, 1e-20):

        def f(p, scale=scale):
            return 1e3 + scale * problems.smooth(p)

        assert gradcheck(f, problems.AT, problems.scaled(scale), method="complex")
        for factor in (1.001, 3.0):
            assert not gradcheck(f, problems.AT, problems.scaled(scale, factor), method="complex")


def test_an_entry_costs_one_evaluation_of_the_complex_copy():
    function = problems.measured(lambda x: np.sin(x).sum(), np.linspace(-1.0, 1.0, 200))
    copy = complex_copy(function)
    before = function.evaluations
    row = check_complex(
        problems.tensor(np.cos(function.values["x"]), 1e-12), function, np.random.default_rng(0), copy=copy
    )
    assert row.status == "pass"
    assert copy.evaluations == 1 + 1 + 7 + 200  # f at the point, along a direction, on the circle, and per entry
    assert function.evaluations - before == 208 + 2  # the circle meets the real axis twice


def test_truncation_is_no_slope():
    """At 0, the complex step of x^3 is -h^2."""
    for size in (1e-200, 1.0, 1e140):
        at = {"x": np.zeros(3)}
        f = lambda p, c=size: c * (p["x"] ** 3).sum()  # noqa: E731
        assert gradcheck(f, at, {"x": np.zeros(3)}, method="complex").tensors[0].status == "zero"
        assert not gradcheck(f, at, {"x": np.full(3, 1e-9 * size)}, method="complex")


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1e200, 1e300])
@pytest.mark.parametrize("length", [1e-100, 1.0, 1e100])
def test_the_step_has_the_scale_of_f_and_of_its_arguments(size, length):
    if not 1e-300 <= size / length <= 1e300:
        return
    x = length * AT["x"]
    right = {"x": size / length * np.cos(x / length)}
    assert gradcheck(lambda p: size * np.sin(p["x"] / length).sum(), {"x": x}, right, method="complex", rtol=1e-9)
    wrong = {"x": 1.0001 * right["x"]}
    assert not gradcheck(lambda p: size * np.sin(p["x"] / length).sum(), {"x": x}, wrong, method="complex", rtol=1e-9)


def test_a_relu_network_without_weights_is_at_a_kink_everywhere():
    def rnn(p):
        h = np.zeros(3, p["W"].dtype)
        for x in ([1.0, -2.0], [0.5, 0.3]):
            a = p["W"] @ np.array(x) + p["U"] @ h + p["b"]
            h = np.where(a.real > 0, a, 0)
        return (h * A).sum()

    at = {"W": np.zeros((3, 2)), "U": np.zeros((3, 3)), "b": np.zeros(3)}
    assert gradcheck(rnn, at, at, method="complex")
    assert not gradcheck(rnn, at, {**at, "b": np.full(3, 5.0)}, method="complex")


def test_at_a_kink_any_slope_between_its_sides_passes():
    x = np.array([0.9, 0.3, 0.9])
    for share in (0.0, 0.5, 1.0):
        right = {"x": np.array([share, 0.0, 1 - share])}
        assert gradcheck(lambda p: np.max(p["x"]), {"x": x}, right, method="complex").tensors[0].status in (
            "kink",
            "pass",
        )
    report = gradcheck(lambda p: np.max(p["x"]), {"x": x}, {"x": np.array([1.2, 0.0, 0.0])}, method="complex")
    assert report.tensors[0].status == "fail"
