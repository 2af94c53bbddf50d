"""Angles between gradients, beside those that trigonometry gives."""

import numpy as np
import pytest
from layers.recurrent_cases import given, make

import npseq as ns
from npseq.inspect import alignment


@pytest.mark.parametrize("angle", [0.0, 1e-9, 0.1, 45.0, 90.0, 179.9, 180.0])
def test_a_known_angle(angle):
    """Two vectors spread over two arrays, of different lengths."""
    at = np.radians(angle)
    true = {"W": np.array([[3.0], [0.0]]), "b": np.zeros(1)}
    found = {"W": 5 * np.array([[np.cos(at)], [0.0]]), "b": 5 * np.array([np.sin(at)])}
    assert alignment(found, true)["all"] == pytest.approx(angle, rel=1e-12, abs=1e-13)


def test_each_parameter_has_its_own():
    true = {"a": np.array([1.0, 0.0]), "b": np.array([1.0, 1.0]), "c": np.zeros(2)}
    found = {"a": np.array([0.0, 2.0]), "b": np.array([-3.0, -3.0]), "c": np.ones(2)}
    angles = alignment(found, true)
    assert list(angles) == ["all", "a", "b", "c"]
    assert [angles["a"], angles["b"]] == pytest.approx([90, 180], rel=1e-12)
    assert np.isnan(angles["c"])


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_the_size_says_nothing(size):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 7))
    expected = np.degrees(np.arccos(a @ b / np.sqrt((a @ a) * (b @ b))))
    assert alignment({"x": size * a}, {"x": b})["all"] == pytest.approx(expected, rel=1e-12)


def test_of_online_gradients():
    """RTRL points where backward does, SnAp-1 and RFLO elsewhere."""
    layer = make("gru after", num_layers=1)
    data = given(layer, 6, 2)
    true = layer.backward(data.dy, layer.forward(data.x)[2])[2]
    angles = {
        method: alignment(method(layer, data.x, data.dy).grads, true)["all"] for method in (ns.rtrl, ns.snap, ns.rflo)
    }
    assert angles[ns.rtrl] < 1e-12
    assert 0.1 < angles[ns.snap] < 90
    assert 0.1 < angles[ns.rflo] < 90


def test_what_does_not_fit_is_refused():
    one, three = {"W": np.ones(1)}, {"W": np.ones(3)}
    with pytest.raises(ValueError, match="both gradients must have the same names, got W and b"):
        alignment(one, {"b": np.ones(1)})
    with pytest.raises(
        ValueError, match=r"W must be real and of one shape in both, got \(1,\) float64 and \(3,\) float64"
    ):
        alignment(one, three)
    with pytest.raises(ValueError, match="W must be real and of one shape"):
        alignment(one, {"W": np.ones(1, complex)})
    with pytest.raises(TypeError, match="approximate must map names to arrays, got int"):
        alignment(3, one)
    with pytest.raises(TypeError, match=r"approximate\['W'\] must be a NumPy or CuPy array of numbers, got float"):
        alignment({"W": 1.0}, one)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_has_no_angle(value):
    found = alignment({"w": np.array([value, 1.0]), "b": np.ones(1)}, {"w": np.ones(2), "b": np.ones(1)})
    assert np.isnan(found["all"])
    assert np.isnan(found["w"])
    assert found["b"] == 0
