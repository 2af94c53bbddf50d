"""What is refused, before anything is computed, and that the caller's arrays stay his."""

import numpy as np
import pytest

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
        ({"at": [1.0]}, ValueError, "at must map"),
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
        ({"gradient": lambda p: [1.0]}, TypeError, "a mapping of names to arrays, got list"),
        ({"f": lambda p: p["x"]}, ValueError, r"f must return a scalar, got an array of shape \(2,\); reduce it"),
        ({"f": lambda p: p["x"][:1]}, ValueError, r"f must return a scalar, got an array of shape \(1,\)"),
        ({"f": lambda p: None}, ValueError, "f must return a scalar, got a NoneType"),
        ({"f": lambda p: f(p) + 1j}, ValueError, "f must return a real scalar for real arrays"),
        ({"f": lambda p: f(p) * np.nan}, ValueError, "f must be finite at the point, got nan"),
        ({"f": lambda p: np.random.default_rng().standard_normal()}, ValueError, "f must be deterministic, two calls"),
    ],
)
def test_refused(change, error, text):
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


def test_errors_of_f_are_its_own():
    def fails(p):
        raise KeyError("W")

    with pytest.raises(KeyError, match="W"):
        gradcheck(fails, AT, GRADIENT)
