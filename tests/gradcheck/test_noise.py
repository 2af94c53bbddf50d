"""The rounding of f is measured, whatever precision f works in."""

import numpy as np
import pytest
from gradcheck.problems import AT, dsmooth, measured, smooth

from npseq.gradcheck import gradcheck
from npseq.gradcheck.function import EPSILON, ScalarFunction
from npseq.gradcheck.noise import rounding_noise


def test_the_noise_of_a_float32_function_is_measured():
    def inside(p):
        return smooth({"x": p["x"].astype(np.float32)}) * 1.0

    def outside(p):
        return np.float32(smooth(p))

    for f in (inside, outside):
        for method in ("central", "directional"):
            report = gradcheck(f, AT, dsmooth, method=method)
            assert report
            assert report.tensors[0].tolerance > 1e-6
            wrong = dsmooth(AT)
            wrong["x"][2] += 1e-3 * np.abs(wrong["x"]).max()
            assert not gradcheck(f, AT, wrong, method=method)


def test_the_bound_of_a_smooth_function_is_near_the_spacing_of_float64():
    for f, x in (
        (np.sum, np.ones(3)),
        (lambda x: np.exp(x).sum(), np.linspace(-2, 3, 7)),
        (lambda x: 1e6 + x[0], [1.0]),
    ):
        function = measured(f, x)
        assert 1 <= function.noise / (EPSILON * abs(function.origin)) < 20


@pytest.mark.parametrize("amplitude", [1e-12, 1e-9, 1e-6])
def test_the_bound_is_a_few_times_the_noise_that_is_there(amplitude):
    def f(x):  # the noise is random, and the same again for the same bits of x
        return x.sum() + amplitude * np.random.default_rng(int.from_bytes(x.tobytes(), "little")).uniform(-1, 1)

    bounds = np.array([measured(f, [x]).noise for x in np.linspace(1, 2, 40)])
    assert amplitude < np.median(bounds) < 5 * amplitude
    assert np.quantile(bounds, 0.25) > amplitude / np.sqrt(3)  # the standard deviation, from a few differences
    assert bounds.max() < 10 * amplitude


def test_a_float32_function_shows_the_noise_of_float32():
    bound = measured(lambda x: np.sum(np.tanh(x.astype(np.float32))), np.linspace(-1, 2, 9)).noise
    assert 1e-8 < bound < 1e-5


def test_a_constant_has_the_spacing_of_float64_and_zero_none():
    assert measured(lambda x: 3.0, [1.0]).noise == 3 * EPSILON
    assert measured(lambda x: 0.0, [1.0]).noise == 0.0


def test_a_kink_close_by_is_not_noise():
    assert measured(lambda x: np.abs(x - 1 - 1e-9).sum() + 1.0, [1.0]).noise < 1e-13


def test_a_function_that_is_finite_nowhere_else_has_the_spacing_of_its_value():
    function = ScalarFunction(lambda p: 2.0 if p["x"][0] == 1.0 else np.nan, {"x": np.ones(1)})
    function.origin = 2.0
    assert rounding_noise(function, np.random.default_rng(0)) == 2 * EPSILON
