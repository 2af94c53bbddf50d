"""What the rounding of f hides is said, and nothing passes for being small."""

import numpy as np
import pytest

from npseq.gradcheck import gradcheck

METHODS = ["central", "complex", "directional", "taylor"]


def g(p):
    return (np.tanh(p["x"]) * np.array([1.0, -2.0, 0.5])).sum() + p["x"][0] * p["x"][1]


def dg(p):
    x = p["x"]
    return {"x": np.array([1.0, -2.0, 0.5]) / np.cosh(x) ** 2 + np.array([x[1], x[0], 0.0])}


AT = {"x": np.array([0.3, -0.8, 1.1])}


def scaled(scale, factor=1.0):
    return {"x": scale * factor * dg(AT)["x"]}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scale", [1e-20, 1e-8, 1e-7, 1.0, 1e5, 1e20])
def test_the_scale_of_the_gradient_does_not_matter(method, scale):
    assert gradcheck(lambda p: scale * g(p), AT, scaled(scale), method=method)
    for factor in (3.0, 1.01, 0.0, -1.0):
        assert not gradcheck(lambda p: scale * g(p), AT, scaled(scale, factor), method=method)


@pytest.mark.parametrize("method", ["central", "directional", "taylor"])
@pytest.mark.parametrize("factor", [0.0, 1.01, 3.0, -1.0])
def test_under_a_large_constant_no_wrong_gradient_passes(method, factor):
    assert not gradcheck(lambda p: 1e3 + 1e-8 * g(p), AT, scaled(1e-8, factor), method=method)


@pytest.mark.parametrize("method", ["central", "directional", "taylor"])
@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_a_gradient_below_the_rounding_of_f_is_inconclusive(method, factor):
    report = gradcheck(lambda p: 1e3 + 1e-13 * g(p), AT, scaled(1e-13, factor), method=method)
    assert not report
    assert report.tensors[0].status == "inconclusive"
    assert "use method='complex'" in str(report)


def test_complex_decides_under_a_large_constant():
    for scale in (1e-8, 1e-13, 1e-20):
        assert gradcheck(lambda p, c=scale: 1e3 + c * g(p), AT, scaled(scale), method="complex")
        for factor in (1.001, 3.0):
            wrong = scaled(scale, factor)
            assert not gradcheck(lambda p, c=scale: 1e3 + c * g(p), AT, wrong, method="complex")


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


def test_the_noise_of_a_float32_function_is_measured():
    def inside(p):
        return g({"x": p["x"].astype(np.float32)}) * 1.0

    def outside(p):
        return np.float32(g(p))

    for f in (inside, outside):
        for method in ("central", "directional"):
            report = gradcheck(f, AT, dg, method=method)
            assert report
            assert report.tensors[0].tolerance > 1e-6
            wrong = dg(AT)
            wrong["x"][2] += 1e-3 * np.abs(wrong["x"]).max()
            assert not gradcheck(f, AT, wrong, method=method)


def test_what_cannot_be_resolved_to_a_given_rtol_is_inconclusive():
    report = gradcheck(lambda p: np.float32(g(p)), AT, dg, rtol=1e-10)
    assert report.tensors[0].status == "inconclusive"


def test_the_step_follows_the_values_and_the_function():
    for size, length in [(1e6, 1.0), (1e-6, 1.0), (1e-6, 1e-6), (1e4, 1e4), (0.0, 1.0)]:
        x = size * np.array([1.0, -0.4, 0.7])
        report = gradcheck(lambda p, k=length: np.sin(p["x"] / k).sum(), {"x": x}, {"x": np.cos(x / length) / length})
        assert report, f"{size} {length}\n{report}"


class TestZeroGradients:
    def test_f_does_not_depend_on_it(self):
        for method in METHODS:
            report = gradcheck(
                lambda p: g(p) + 1.0, {**AT, "y": np.ones(3)}, {**dg(AT), "y": np.zeros(3)}, method=method
            )
            assert report
            assert report.tensors[1].status == "zero"

    @pytest.mark.parametrize("constant", [0.0, 1.0, 1e3])
    def test_a_stationary_point(self, constant):
        def f(p):
            return constant + ((p["x"] - 1) ** 2 * (2 + p["x"])).sum()

        for method in METHODS:
            assert gradcheck(f, {"x": np.ones(4)}, {"x": np.zeros(4)}, method=method)
            assert not gradcheck(f, {"x": np.ones(4)}, {"x": np.array([0, 0, 1e-3, 0])}, method=method)

    def test_a_sum_that_cancels_to_rounding(self):
        def f(p):
            e = np.exp(p["x"])
            return (e / e.sum()).sum()

        x = np.random.default_rng(0).standard_normal(5)
        for method in METHODS:
            assert gradcheck(f, {"x": x}, {"x": np.zeros(5)}, method=method)
        assert gradcheck(f, {"x": x}, {"x": np.full(5, 1e-17)}, method="complex")
        assert not gradcheck(f, {"x": x}, {"x": np.full(5, 1e-13)}, method="complex")

    def test_zeros_for_a_small_gradient_fail(self):
        for method in METHODS:
            assert not gradcheck(lambda p: 1 + 1e-10 * g(p), AT, {"x": np.zeros(3)}, method=method)


def test_a_step_out_of_the_domain_is_no_end():
    x = np.array([1e-9, 1e-4, 3.0])
    assert gradcheck(lambda p: np.log(p["x"]).sum(), {"x": x}, {"x": 1 / x})


def test_a_function_with_no_values_around_the_point_is_inconclusive():
    def f(p):
        return p["x"].sum() if np.all(p["x"] == 1.0) else np.float64(np.nan)

    report = gradcheck(f, {"x": np.ones(2)}, {"x": np.ones(2)})
    assert report.tensors[0].status == "inconclusive"
    assert "f is not finite around the point" in str(report)
