"""Initializers have the moments, bounds and algebra that they promise, and every dtype starts from the same numbers."""

import math

import numpy as np
import pytest

from npseq import initializers
from npseq.initializers import (
    chrono,
    constant,
    forget_bias,
    identity,
    normal,
    orthogonal,
    uniform_sqrt_hidden,
    xavier_normal,
    xavier_uniform,
    zeros,
)

SHAPE = (200, 300)
COUNT = 200 * 300


@pytest.mark.parametrize(
    ("values", "bound"),
    [
        (uniform_sqrt_hidden(SHAPE, 0), 1 / math.sqrt(300)),
        (uniform_sqrt_hidden(SHAPE, 0, hidden_size=25), 0.2),
        (xavier_uniform(SHAPE, 0), math.sqrt(6 / 500)),
        (xavier_uniform(SHAPE, 0, gain=5 / 3), 5 / 3 * math.sqrt(6 / 500)),
    ],
)
def test_uniform_initializers_fill_their_interval_evenly(values, bound):
    """The extremes of n numbers lie within 20/n of the bounds but for a chance of 2 exp(-10); the mean in 6 sigma."""
    assert (1 - 20 / COUNT) * bound < values.max() <= np.float32(bound)
    assert -np.float32(bound) <= values.min() < -(1 - 20 / COUNT) * bound
    assert abs(values.mean(dtype=float)) < 6 * bound / math.sqrt(3 * COUNT)
    fourth = (values.astype(float) / bound) ** 2
    assert abs(fourth.mean() - 1 / 3) < 6 * math.sqrt((1 / 5 - 1 / 9) / COUNT)


@pytest.mark.parametrize(
    ("values", "std"),
    [
        (normal(SHAPE, 0), 0.01),
        (normal(SHAPE, 0, std=2.0), 2.0),
        (xavier_normal(SHAPE, 0), math.sqrt(2 / 500)),
        (xavier_normal(SHAPE, 0, gain=3.0), 3 * math.sqrt(2 / 500)),
    ],
)
def test_normal_initializers_have_the_moments_of_a_normal_distribution(values, std):
    z = values.astype(float) / std
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((z**power).mean() - moment) < 6 * math.sqrt(variance / COUNT)


@pytest.mark.parametrize("shape", [(7, 7), (9, 4), (4, 9), (1, 1), (5, 1)])
@pytest.mark.parametrize("gain", [1.0, 1.5])
def test_orthogonal_has_orthonormal_rows_or_columns(shape, gain):
    w = orthogonal(shape, 1, np.float64, gain=gain)
    assert w.shape == shape
    small = w @ w.T if shape[0] <= shape[1] else w.T @ w
    np.testing.assert_allclose(small, gain**2 * np.eye(min(shape)), atol=1e-14)


def test_orthogonal_is_uniform_over_rotations_and_reflections():
    """Of a uniform orthogonal n x n matrix the trace has mean 0 and variance 1; the uncorrected QR has neither."""
    traces = [np.trace(orthogonal((3, 3), seed, np.float64)) for seed in range(2000)]
    assert abs(np.mean(traces)) < 6 / math.sqrt(2000)
    assert abs(np.mean(np.square(traces)) - 1) < 6 * math.sqrt(2 / 2000)


def test_identity_zeros_and_constant_have_their_values():
    np.testing.assert_array_equal(identity((2, 3), gain=0.5), [[0.5, 0, 0], [0, 0.5, 0]])
    np.testing.assert_array_equal(zeros((2, 1)), [[0], [0]])
    np.testing.assert_array_equal(constant((3,), value=-2), [-2, -2, -2])


@pytest.mark.parametrize("name", sorted(set(initializers.__all__) - {"chrono", "forget_bias", "keras"}))
def test_every_dtype_starts_from_the_same_numbers(name):
    initializer = getattr(initializers, name)
    exact = initializer((4, 5), 7, np.float64)
    assert initializer((4, 5), 7).dtype == np.float32
    for dtype in (np.float32, np.float64, np.complex128):
        values = initializer((4, 5), 7, dtype)
        assert values.dtype == dtype
        np.testing.assert_array_equal(values, exact.astype(dtype))
    np.testing.assert_array_equal(initializer((4, 5), np.random.default_rng(7), np.float64), exact)


def test_a_generator_continues():
    rng = np.random.default_rng(0)
    assert (normal((3,), rng) != normal((3,), rng)).all()


def lstm_biases(dtype=np.float64):
    names = ("rnn.0.b_i", "rnn.0.b_f", "b_f_reverse", "b_i_reverse", "b_g", "W_xf")
    return {name: np.full(50_000 if name.endswith("f") else 7, 0.125, dtype) for name in names} | {
        "rnn.0.b_i": np.full(50_000, 0.125, dtype)
    }


def test_forget_bias_sets_forget_biases_alone():
    params = lstm_biases()
    arrays = dict(params)
    forget_bias(params, 1.5)
    for name, array in arrays.items():
        assert params[name] is array
        assert (array == (1.5 if "b_f" in name else 0.125)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_chrono_draws_the_logarithms_of_uniform_lags(dtype):
    params = lstm_biases(dtype)
    chrono(params, 100, 0)
    forget = params["rnn.0.b_f"]
    assert forget.dtype == dtype
    np.testing.assert_array_equal(params["rnn.0.b_i"], -forget)
    np.testing.assert_array_equal(params["b_i_reverse"], -params["b_f_reverse"])
    lags = np.exp(forget.astype(float))
    assert 0.999999 < lags.min() < 1.02
    assert 98.98 < lags.max() < 99.0001
    assert abs(lags.mean() - 50) < 6 * 98 / math.sqrt(12 * lags.size)
    assert (params["b_g"] == 0.125).all()
    assert (params["W_xf"] == 0.125).all()


def test_chrono_is_reproducible():
    first, second = lstm_biases(), lstm_biases()
    chrono(first, 10, 3)
    chrono(second, 10, np.random.default_rng(3))
    np.testing.assert_array_equal(first["rnn.0.b_f"], second["rnn.0.b_f"])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: uniform_sqrt_hidden(()), r"at least 1 axes for this initializer, got \(\)"),
        (lambda: xavier_uniform((3,)), r"at least 2 axes for this initializer, got \(3,\)"),
        (lambda: xavier_normal((3,)), "at least 2 axes"),
        (lambda: orthogonal((3,)), r"shape must be that of a matrix for this initializer, got \(3,\)"),
        (lambda: identity((2, 2, 2)), "that of a matrix"),
        (lambda: forget_bias({"b_h": np.ones(2)}), r"forget-gate bias, 'b_f...', got \['b_h'\]; only an LSTM"),
        (lambda: chrono({"b_h": np.ones(2)}, 9), "must hold a forget-gate bias"),
        (lambda: chrono({"b_f": np.ones(2)}, 9), r"input-gate bias for each forget-gate bias, missing \['b_i'\]"),
        (lambda: chrono(lstm_biases(), 1.5), "t_max must be at least 2 steps, got 1.5"),
        (lambda: zeros((2, -1)), "each size of the shape must be an integer of at least 0, got -1"),
        (lambda: zeros((2, True)), "each size of the shape must be an integer of at least 0, got True"),
        (lambda: normal(2.5), "each size of the shape must be an integer of at least 0, got 2.5"),
        (lambda: constant((1 << 40, 1 << 40)), "shape must be that of an array that fits into memory"),
        (lambda: uniform_sqrt_hidden((2,), hidden_size=0), "hidden_size must be a positive integer, got 0"),
        (lambda: normal((2,), std=-1), "std must be finite and not negative, got -1"),
    ],
)
def test_shapes_and_parameters_that_do_not_fit_are_refused(call, text):
    with pytest.raises(ValueError, match=text):
        call()


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda **of: normal((2, 3), 0, std=1e38, **of), "std"),
        (lambda **of: xavier_uniform((2, 3), 0, gain=3e38, **of), "gain"),
        (lambda **of: xavier_normal((2, 3), 0, gain=1e300, **of), "gain"),
        (lambda **of: orthogonal((3, 3), 0, gain=-1e300, **of), "gain"),
        (lambda **of: identity((3, 3), 0, gain=1e39, **of), "gain"),
        (lambda **of: constant((3,), 0, value=-4e38, **of), "value"),
    ],
)
def test_what_the_dtype_cannot_hold_is_refused(make, name):
    with pytest.raises(ValueError, match=f"{name} must be a number whose multiples float32 can hold, got "):
        make()
    assert np.isfinite(make(dtype=np.float64)).all()


def test_no_bias_is_written_where_one_of_them_cannot_hold_it():
    params = {"b_f": np.zeros(2), "layer1.b_f": np.zeros(2, np.float32)}
    with pytest.raises(ValueError, match="value must be a number whose multiples float32 can hold, got 1e\\+39"):
        forget_bias(params, 1e39)
    assert not params["b_f"].any()


def test_a_deviation_of_minus_zero_is_zero():
    assert not np.signbit(normal((2, 3), 0, std=-0.0) * 0 + xavier_uniform((2, 3), 0, gain=-0.0) * 0).all()
