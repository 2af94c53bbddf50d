"""The activations equal Python's own functions of single numbers, and their derivatives a complex step."""

import cmath
import math
from decimal import Decimal, localcontext

import numpy as np
import pytest

from npseq.activations import drelu, dsigmoid, dtanh, relu, sigmoid, tanh

X = np.array([-50.0, -3.0, -1e-9, 0.0, 1e-9, 0.4, 3.0, 50.0])
PAIRS = [(tanh, dtanh), (sigmoid, dsigmoid), (relu, drelu)]


def test_sigmoid_equals_its_formula_number_by_number():
    expected = [1 / (1 + math.exp(-x)) for x in X]
    np.testing.assert_allclose(sigmoid(X), expected, rtol=1e-14, atol=2e-16)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble, np.complex64, np.complex128, np.clongdouble])
def test_sigmoid_is_zero_and_one_far_from_zero(dtype):
    """Where exp overflows the loops over time silence the warning, as here."""
    far = np.array([-1e30, -1e5, 1e5, 1e30], dtype)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(sigmoid(far), [0, 0, 1, 1])


def exact_sigmoid(x: float) -> Decimal:
    """To 60 digits."""
    return 1 / (1 + (-Decimal(x)).exp())


@pytest.mark.parametrize(("dtype", "far"), [(np.float32, 80), (np.float64, 700)])
def test_sigmoid_and_its_derivative_keep_their_digits(dtype, far):
    """Of the derivative: below 0, since above it y has lost what 1 - y would need, in every library."""
    x = np.random.default_rng(0).uniform(-far, far, 4000).astype(dtype)
    y = sigmoid(x)
    slope = dsigmoid(y)
    with localcontext() as context:
        context.prec = 60
        for at, found, derivative in zip(x.tolist(), y, slope, strict=True):
            exact = exact_sigmoid(at)
            assert abs(Decimal(float(found)) - exact) <= 4 * Decimal(float(np.spacing(dtype(exact)))), at
            if at < 0:
                exact -= exact * exact
                assert abs(Decimal(float(derivative)) - exact) <= 4 * Decimal(float(np.spacing(dtype(exact)))), at


@pytest.mark.parametrize("far", [-700.0, -30.0, -17.0, -1.0, 1.0, 17.0, 30.0])
def test_a_complex_step_of_sigmoid_keeps_its_digits_on_both_sides(far):
    y = 1 / (1 + math.exp(-far))
    slope = math.exp(-abs(far)) / (1 + math.exp(-abs(far))) ** 2
    found = sigmoid(np.array([far + 1e-30j]))[0]
    assert found.real == pytest.approx(y, rel=1e-15)
    assert found.imag / 1e-30 == pytest.approx(slope, rel=1e-14)


def test_sigmoid_of_complex_numbers_is_the_analytic_one():
    z = 0.7 - 0.3j
    assert sigmoid(np.array([z]))[0] == pytest.approx(1 / (1 + cmath.exp(-z)), rel=1e-15)


@pytest.mark.parametrize(("f", "df"), PAIRS)
def test_each_derivative_from_the_output_is_that_of_a_complex_step(f, df):
    x = X[X != 0]
    np.testing.assert_allclose(df(f(x)), f(x + 1e-30j).imag / 1e-30, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_relu_of_infinities_is_zero_and_infinity(dtype):
    found = relu(np.array([-np.inf, np.inf, np.nan], dtype)).real
    np.testing.assert_array_equal(found, [0, np.inf, np.nan])


def test_the_derivative_of_relu_is_zero_at_the_kink():
    assert drelu(relu(np.zeros(1))) == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
@pytest.mark.parametrize(("f", "df"), PAIRS)
def test_dtypes_stay(f, df, dtype):
    y = f(X.astype(dtype))
    assert y.dtype == df(y).dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
@pytest.mark.parametrize("f", [sigmoid, relu])
def test_out_may_be_the_argument_itself(f, dtype):
    expected, x = f(X.astype(dtype)), X.astype(dtype)
    assert f(x, out=x) is x
    np.testing.assert_array_equal(x, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
@pytest.mark.parametrize(("f", "df"), PAIRS)
def test_derivatives_write_into_another_array(f, df, dtype):
    y, out = f(X.astype(dtype)), np.empty_like(X, dtype)
    assert df(y, out=out) is out
    np.testing.assert_array_equal(out, df(y))
