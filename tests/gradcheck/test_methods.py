"""Each method on one small function with matrices, vectors, a scalar, an empty tensor and one that f ignores."""

import numpy as np
import pytest

from npseq.gradcheck import gradcheck

METHODS = ["central", "complex", "directional", "taylor"]


def point(dtype=np.float64):
    rng = np.random.default_rng(3)
    shapes = {"W": (4, 3), "b": (3,), "s": (), "empty": (0, 3), "unused": (2,)}
    return {name: np.asarray(rng.standard_normal(shape), dtype) for name, shape in shapes.items()}


X = np.random.default_rng(4).standard_normal((5, 4))


def f(p):
    return (np.tanh(X @ p["W"] + p["b"]) ** 2).sum() * p["s"]


def gradient(p):
    h = np.tanh(X @ p["W"] + p["b"])
    dz = 2 * h * (1 - h * h) * p["s"]
    return {
        "W": X.T @ dz,
        "b": dz.sum(0),
        "s": np.asarray((h * h).sum()),
        "empty": np.zeros((0, 3)),
        "unused": np.zeros(2),
    }


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("form", ["mapping", "callable"])
def test_a_right_gradient_passes(method, form):
    at = point()
    report = gradcheck(f, at, gradient if form == "callable" else gradient(at), method=method)
    assert report.passed
    assert bool(report) is True
    assert [row.name for row in report.tensors] == list(at)
    assert not report.kinks


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "damage",
    [
        lambda g: g["W"].__setitem__((1, 2), 1.01 * g["W"][1, 2]),
        lambda g: g.update(W=np.zeros((4, 3))),
        lambda g: g.update(b=-g["b"]),
        lambda g: g.update(b=3 * g["b"]),
        lambda g: g.update(b=g["b"][::-1].copy()),
        lambda g: g.update(s=np.asarray(1.001 * g["s"])),
        lambda g: g.update(unused=np.array([0.0, 1e-7])),
    ],
)
def test_a_wrong_gradient_fails(method, damage):
    wrong = gradient(point())
    damage(wrong)
    report = gradcheck(f, point(), wrong, method=method)
    assert not report
    assert {row.status for row in report.tensors} > {"fail"}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_not_finite_fails(method, bad):
    wrong = gradient(point())
    wrong["b"][1] = bad
    report = gradcheck(f, point(), wrong, method=method)
    assert report.worst_tensor.name == "b"
    assert report.worst_tensor.status == "fail"
    assert report.max_error == np.inf


@pytest.mark.parametrize("method", ["central", "complex"])
def test_the_worst_entry_is_named_with_both_values(method):
    at, wrong = point(), gradient(point())
    right = wrong["W"][2, 1]
    wrong["W"][2, 1] *= -1
    name, index, analytic, numeric = gradcheck(f, at, wrong, method=method).worst
    assert (name, index, analytic) == ("W", (2, 1), -right)
    assert numeric == pytest.approx(right, rel=1e-6)


def test_complex_is_right_to_rounding_and_flat_in_the_scale():
    for scale in (1e-30, 1e-8, 1.0, 1e5):
        report = gradcheck(
            lambda p, c=scale: c * f(p), point(), {k: c * scale for k, c in gradient(point()).items()}, method="complex"
        )
        assert report
        assert report.max_error < 5e-15


def test_arrays_of_any_layout_are_read_and_left_alone():
    at = point()
    at["W"] = np.asfortranarray(at["W"])
    at["b"] = np.repeat(at["b"], 2)[::2]
    before = {name: value.copy() for name, value in at.items()}
    for value in at.values():
        value.flags.writeable = False
    for method in METHODS:
        assert gradcheck(f, at, gradient, method=method)
    for name, value in at.items():
        np.testing.assert_array_equal(value, before[name])


def test_a_float32_point_is_differenced_in_float64():
    at = point(np.float32)
    seen = set()

    def watched(p):
        seen.update(value.dtype for value in p.values())
        return f(p)

    exact = gradient({name: value.astype(np.float64) for name, value in at.items()})
    assert gradcheck(watched, at, exact)
    assert seen == {np.dtype(np.float64)}
    assert gradcheck(f, at, gradient)


def test_a_float32_gradient_is_held_to_float32_accuracy():
    at = point()
    rounded = {name: value.astype(np.float32) for name, value in gradient(at).items()}
    assert gradcheck(f, at, rounded)
    assert gradcheck(f, at, rounded, method="complex")
    rounded["W"][0, 0] += 1e-3 * np.abs(rounded["W"]).max()
    assert not gradcheck(f, at, rounded)
    assert not gradcheck(f, at, rounded, method="complex")


def test_rtol_is_what_passes():
    off = gradient(point())
    off["b"] *= 1 + 1e-5
    for method in ("central", "complex"):
        assert not gradcheck(f, point(), off, method=method)
        assert not gradcheck(f, point(), off, method=method, rtol=5e-6)
        assert gradcheck(f, point(), off, method=method, rtol=2e-5)


def test_the_same_directions_unless_a_generator_says_otherwise():
    first, second = (str(gradcheck(f, point(), gradient, method="directional")) for _ in range(2))
    assert first == second
    assert str(gradcheck(f, point(), gradient, method="directional", rng=1)) != first


def test_central_costs_two_evaluations_an_entry_and_a_few_more():
    at = {"x": np.random.default_rng(0).standard_normal(500)}
    report = gradcheck(lambda p: np.sin(p["x"]).sum(), at, {"x": np.cos(at["x"])})
    assert report
    assert report.evaluations <= 1000 + 30


def test_directional_finds_one_wrong_entry_among_a_hundred_thousand():
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
    from npseq.gradcheck.directional import chance_of_missing

    v = np.random.default_rng(0).standard_normal((20_000, 2))
    missed = np.mean(np.all(np.abs(0.5 * v) < [0.3, 0.4], axis=1))
    assert chance_of_missing(0.5, [0.3, 0.4]) == pytest.approx(missed, rel=0.05)


def test_taylor_tells_the_slopes():
    assert "slopes 1.00 and 2.00" in str(gradcheck(f, point(), gradient, method="taylor"))
    halved = {name: value / 2 for name, value in gradient(point()).items()}
    assert "slopes 1.00 and 1.00" in str(gradcheck(f, point(), halved, method="taylor"))


def test_taylor_passes_a_linear_function_and_fails_a_wrong_gradient_of_one():
    c = np.arange(1.0, 5.0)
    at = {"x": np.array([0.3, -1.0, 2.0, 0.1])}
    assert gradcheck(lambda p: p["x"] @ c, at, {"x": c}, method="taylor")
    assert not gradcheck(lambda p: p["x"] @ c, at, {"x": c * 1.0001}, method="taylor")
