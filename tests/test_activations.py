"""The activations equal Python's own functions of single numbers, and their derivatives a complex step."""

import cmath
import math

import numpy as np
import pytest

from npseq.activations import drelu, dsigmoid, dtanh, relu, sigmoid, tanh

X = np.array([-50.0, -3.0, -1e-9, 0.0, 1e-9, 0.4, 3.0, 50.0])
PAIRS = [(tanh, dtanh), (sigmoid, dsigmoid), (relu, drelu)]


def test_sigmoid_equals_its_formula_number_by_number():
    expected = [1 / (1 + math.exp(-x)) for x in X]
    np.testing.assert_allclose(sigmoid(X), expected, rtol=1e-14, atol=2e-16)


def test_sigmoid_does_not_overflow():
    far = np.array([-1e300, -1e4, 1e4, 1e300])
    np.testing.assert_array_equal(sigmoid(far), [0, 0, 1, 1])


def test_sigmoid_of_complex_numbers_is_the_analytic_one():
    z = 0.7 - 0.3j
    assert sigmoid(np.array([z]))[0] == pytest.approx(1 / (1 + cmath.exp(-z)), rel=1e-15)


@pytest.mark.parametrize(("f", "df"), PAIRS)
def test_each_derivative_from_the_output_is_that_of_a_complex_step(f, df):
    x = X[X != 0]
    np.testing.assert_allclose(df(f(x)), f(x + 1e-30j).imag / 1e-30, rtol=1e-12, atol=1e-15)


def test_the_derivative_of_relu_is_zero_at_the_kink():
    assert drelu(relu(np.zeros(1))) == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
@pytest.mark.parametrize(("f", "df"), PAIRS)
def test_dtypes_stay(f, df, dtype):
    y = f(X.astype(dtype))
    assert y.dtype == df(y).dtype == dtype


@pytest.mark.parametrize("f", [sigmoid, relu])
def test_out_may_be_the_argument_itself(f):
    expected, x = f(X), X.copy()
    assert f(x, out=x) is x
    np.testing.assert_array_equal(x, expected)


def test_dsigmoid_writes_into_another_array():
    y, out = sigmoid(X), np.empty_like(X)
    assert dsigmoid(y, out=out) is out
    np.testing.assert_array_equal(out, dsigmoid(y))
