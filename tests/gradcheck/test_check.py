"""gradcheck passes right gradients, fails wrong ones by every method, and refuses wrong arguments first."""

import cmath
import math

import numpy as np
import pytest
from gradcheck.problems import METHODS, gradient, network, point

from npseq.gradcheck import gradcheck

AT = {"x": np.array([1.0, 2.0]), "y": np.array(3.0)}
GRADIENT = {"x": np.ones(2), "y": np.array(1.0)}


def f(p):
    return p["x"].sum() + p["y"]


def test_the_right_arguments_pass():
    assert gradcheck(f, AT, GRADIENT)
    assert gradcheck(f, {"x": [1.0, 2.0], "y": 3.0}, {"x": [1.0, 1.0], "y": 1.0})


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"method": "forward"}, ValueError, "method must be one of 'central', 'complex', 'directional', 'taylor', got"),
        ({"rtol": 0.0}, ValueError, "rtol must be a relative tolerance between 0 and 1, got 0.0"),
        ({"rtol": float("nan")}, ValueError, "rtol must be"),
        ({"at": {}}, ValueError, "at must map one name or more to arrays"),
        ({"at": [1.0]}, ValueError, "gradient must have the names of at, 'p'; missing: 'p'"),
        (
            {"at": {**AT, "y": 3}},
            TypeError,
            r"at\['y'\] must be a real floating array .* got int64; convert it, or bind",
        ),
        ({"at": {**AT, "y": 3j}}, TypeError, r"at\['y'\] must be a real floating array .* got complex128"),
        ({"at": {**AT, "y": np.nan}}, ValueError, r"at\['y'\] must be finite"),
        ({"gradient": {"x": np.ones(2)}}, ValueError, "gradient must have the names of at, 'x', 'y'; missing: 'y'"),
        ({"gradient": {**GRADIENT, "y": None}}, ValueError, "missing: 'y', not in at: none"),
        ({"gradient": {**GRADIENT, "z": 1.0}}, ValueError, "missing: none, not in at: 'z'"),
        ({"gradient": {**GRADIENT, "x": np.ones((2, 1))}}, ValueError, r"the shape of at\['x'\], \(2,\), got \(2, 1\)"),
        (
            {"gradient": {**GRADIENT, "x": np.ones(2, int)}},
            TypeError,
            r"gradient\['x'\] must be float32 or float64, got",
        ),
        ({"gradient": {**GRADIENT, "x": np.ones(2) + 0j}}, TypeError, "must be float32 or float64, got complex128"),
        ({"at": {1: np.ones(2)}}, TypeError, "at must map names, which are strings, to arrays, got the name 1"),
        (
            {"at": {**AT, "x": [[1.0], [1.0, 2.0]]}},
            TypeError,
            r"at\['x'\] must be an array, or lists of numbers that have",
        ),
        ({"at": {**AT, "x": "12"}}, TypeError, r"at\['x'\] must be a NumPy or CuPy array of numbers, got str"),
        (
            {"at": {**AT, "x": (x for x in (1.0,))}},
            TypeError,
            r"at\['x'\] must be a NumPy or CuPy array of numbers, got gen",
        ),
        (
            {"at": {**AT, "x": np.array([1.0, None])}},
            TypeError,
            "must be a NumPy or CuPy array of numbers, got ndarray of obj",
        ),
        ({"gradient": lambda p: [1.0]}, TypeError, "a mapping of names to arrays, got list"),
        ({"gradient": lambda p: None}, TypeError, "a mapping of names to arrays, got NoneType"),
        ({"gradient": lambda p: {**GRADIENT, 3: 1.0}}, ValueError, "missing: none, not in at: 3"),
        (
            {"gradient": {**GRADIENT, "x": [[1.0], []]}},
            TypeError,
            r"gradient\['x'\] must be an array, or lists of numbers",
        ),
        (
            {"gradient": {**GRADIENT, "x": b"12"}},
            TypeError,
            r"gradient\['x'\] must be a NumPy or CuPy array .* got bytes",
        ),
        ({"rng": "x"}, TypeError, "rng must be a seed"),
        ({"f": lambda p: p["x"]}, ValueError, r"f must return a scalar, got an array of shape \(2,\); reduce it"),
        ({"f": lambda p: p["x"][:1]}, ValueError, r"f must return a scalar, got an array of shape \(1,\)"),
        ({"f": lambda p: None}, ValueError, "f must return a scalar, got a NoneType"),
        ({"f": lambda p: object()}, ValueError, "f must return a scalar, got a object; return a float"),
        ({"f": lambda p: b"1"}, ValueError, "f must return a scalar, got a bytes"),
        ({"f": lambda p: (x for x in p)}, ValueError, "f must return a scalar, got a generator"),
        ({"f": lambda p: f(p) if p["x"][0] == 1.0 else None}, ValueError, "f must return a scalar, got a NoneType"),
        ({"f": lambda p: 10**400}, ValueError, "f must be finite at the point, got inf"),
        ({"f": lambda p: f(p) + 1j}, ValueError, "f must return a real scalar for real arrays"),
        ({"f": lambda p: f(p) * np.nan}, ValueError, "f must be finite at the point, got nan"),
        ({"f": lambda p: np.random.default_rng().standard_normal()}, ValueError, "f must be deterministic, two calls"),
    ],
)
def test_a_wrong_argument_is_refused(change, error, text):
    arguments = {"f": f, "at": AT, "gradient": GRADIENT, **change}
    with pytest.raises(error, match=text):
        gradcheck(**arguments)


def test_names_and_shapes_are_refused_before_f_is_called():
    def never(p):
        raise AssertionError

    with pytest.raises(ValueError, match="missing"):
        gradcheck(never, AT, {"x": np.ones(2)})


@pytest.mark.parametrize("method", ["central", "complex", "directional", "taylor"])
def test_an_f_or_a_gradient_that_writes_on_its_arguments_is_refused(method):
    def writes(p):
        p["x"] *= 2
        return f(p)

    def gradient_writes(p):
        p["y"][...] = 0
        return GRADIENT

    at = {name: value.copy() for name, value in AT.items()}
    with pytest.raises(ValueError, match="f must not write on its arguments, it changed 'x' in place; copy inside f"):
        gradcheck(writes, at, GRADIENT, method=method)
    with pytest.raises(ValueError, match="gradient must not write on its arguments, it changed 'y'"):
        gradcheck(f, at, gradient_writes, method=method)
    for name, value in at.items():
        np.testing.assert_array_equal(value, AT[name])


def test_an_f_that_changes_its_dict_is_harmless():
    def f_pops(p):
        return p.pop("x").sum() + p.pop("y")

    assert gradcheck(f_pops, AT, GRADIENT)


def test_an_error_of_f_is_raised_as_it_is():
    def fails(p):
        raise KeyError("W")

    with pytest.raises(KeyError, match="W"):
        gradcheck(fails, AT, GRADIENT)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("form", ["mapping", "callable"])
def test_a_right_gradient_passes(method, form):
    at = point()
    report = gradcheck(network, at, gradient if form == "callable" else gradient(at), method=method)
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
    report = gradcheck(network, point(), wrong, method=method)
    assert not report
    assert {row.status for row in report.tensors} > {"fail"}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_not_finite_fails(method, bad):
    wrong = gradient(point())
    wrong["b"][1] = bad
    report = gradcheck(network, point(), wrong, method=method)
    assert report.worst_tensor.name == "b"
    assert report.worst_tensor.status == "fail"
    assert report.max_error == np.inf


def test_arrays_of_any_layout_are_read_and_left_alone():
    at = point()
    at["W"] = np.asfortranarray(at["W"])
    at["b"] = np.repeat(at["b"], 2)[::2]
    before = {name: value.copy() for name, value in at.items()}
    for value in at.values():
        value.flags.writeable = False
    for method in METHODS:
        assert gradcheck(network, at, gradient, method=method)
    for name, value in at.items():
        np.testing.assert_array_equal(value, before[name])


def test_a_float32_point_is_differenced_in_float64():
    at = point(np.float32)
    seen = set()

    def watched(p):
        seen.update(value.dtype for value in p.values())
        return network(p)

    exact = gradient({name: value.astype(np.float64) for name, value in at.items()})
    assert gradcheck(watched, at, exact)
    assert seen == {np.dtype(np.float64)}
    assert gradcheck(network, at, gradient)


def test_rtol_is_what_passes():
    off = gradient(point())
    off["b"] *= 1 + 1e-5
    for method in ("central", "complex"):
        assert not gradcheck(network, point(), off, method=method)
        assert not gradcheck(network, point(), off, method=method, rtol=5e-6)
        assert gradcheck(network, point(), off, method=method, rtol=2e-5)


def test_a_pytorch_function_is_checked_as_any_other():
    torch = pytest.importorskip("torch")

    def wrapped(p):
        return (torch.tanh(torch.from_numpy(p["W"])) ** 2).sum() * torch.tensor(p["s"])

    def gradient(p):
        leaves = {name: torch.tensor(value, requires_grad=True) for name, value in p.items()}
        loss = (torch.tanh(leaves["W"]) ** 2).sum() * leaves["s"]
        loss.backward()
        return {name: leaf.grad.numpy() for name, leaf in leaves.items()}

    at = {name: point()[name] for name in ("W", "s")}
    assert gradcheck(wrapped, at, gradient)
    assert gradcheck(wrapped, at, gradient, method="complex")
    assert not gradcheck(wrapped, at, {name: 1.001 * value for name, value in gradient(at).items()})


@pytest.mark.parametrize("method", METHODS)
def test_the_evaluations_of_the_report_are_the_calls_of_f(method):
    calls = 0

    def counted(p):
        nonlocal calls
        calls += 1
        return network(p)

    report = gradcheck(counted, point(), gradient, method=method)
    assert report.evaluations == calls
    rows = [row.evaluations for row in report.tensors]
    assert rows[3] == 0  # of the empty tensor
    assert all(count > 0 for count in rows[:3])
    assert sum(rows) < calls


@pytest.mark.parametrize("method", METHODS)
def test_a_sum_in_another_order_every_time_is_deterministic(method):
    """It is zero but for rounding, which differs by call."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(50)

    def shuffled(p):
        order = rng.permutation(50)
        return (p["x"].sum() - p["x"][order].sum()) + (p["x"][::-1].sum() - p["x"][order].sum())

    report = gradcheck(shuffled, {"x": x}, {"x": np.zeros(50)}, method=method)
    assert report.tensors[0].status in ("zero", "inconclusive")
    assert not gradcheck(shuffled, {"x": x}, {"x": np.full(50, 1e-3)}, method=method)


@pytest.mark.parametrize("method", ["central", "directional", "taylor"])
def test_the_rounding_of_an_order_that_varies_is_noise(method):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(50)

    def shuffled(p):
        return np.sin(p["x"])[rng.permutation(50)].sum()

    assert gradcheck(shuffled, {"x": x}, {"x": np.cos(x)}, method=method)
    assert not gradcheck(shuffled, {"x": x}, {"x": 1.01 * np.cos(x)}, method=method)


@pytest.mark.parametrize("size", [1e-150, 1.0, 1e150])
def test_a_random_function_is_refused_at_any_scale(size):
    rng = np.random.default_rng(0)
    at = {name: size * value for name, value in AT.items()}
    with pytest.raises(ValueError, match="f must be deterministic, two calls at the same point gave"):
        gradcheck(lambda p: f(p) + size * rng.standard_normal(), at, GRADIENT)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [1e155, 1e200, 1e308])
def test_a_gradient_too_large_to_square_is_judged_without_a_warning(method, size):
    report = gradcheck(f, AT, {"x": np.array([size, 1.0]), "y": np.array(1.0)}, method=method)
    assert {row.name: row.status for row in report.tensors} == {"x": "fail", "y": "pass"}
    assert not gradcheck(lambda p: size * np.tanh(p["y"]) + f(p), AT, GRADIENT, method=method)


@pytest.mark.parametrize("method", METHODS)
def test_an_f_of_python_s_own_functions_may_leave_its_domain(method):
    def own(p):
        x = p["x"][0].item()
        return cmath.log(x) if isinstance(x, complex) else math.log(x)

    at = {"x": np.array([1e-9])}
    assert gradcheck(own, at, {"x": np.array([1e9])}, method=method)
    assert not gradcheck(own, at, {"x": np.array([1.01e9])}, method=method)


@pytest.mark.parametrize("method", METHODS)
def test_where_f_has_no_values_nothing_passes(method):
    at = {"x": np.array([1e-12, 3.0])}
    for factor in (0.0, 2.0):
        report = gradcheck(lambda p: np.log(p["x"]).sum(), at, {"x": factor / at["x"]}, method=method)
        assert not report
