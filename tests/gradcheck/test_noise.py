"""The rounding of f is measured, whatever precision f works in."""

import numpy as np
import pytest
from gradcheck.problems import AT, dsmooth, measured, smooth

from npseq.gradcheck import gradcheck
from npseq.gradcheck.function import EPSILON, ScalarFunction
from npseq.gradcheck.noise import measured_rounding


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


def test_a_constant_may_be_rounded_to_as_little_as_the_shortest_type_and_zero_is_not():
    assert measured(lambda x: 3.0, [1.0]).noise == 3 * 2.0**-7
    assert measured(lambda x: 0.0, [1.0]).noise == 0.0


def test_a_constant_that_other_arguments_move_has_the_spacing_of_float64():
    assert measured(lambda x: 3.0 + max(x[0] - 1.5, 0.0), [1.0]).noise <= 3 * EPSILON


ROUNDED = {  # how a value is rounded, and the spacing of such numbers at the value of f, about 0.8
    "float32": (np.float32, 2.0**-24),
    "float16": (np.float16, 2.0**-11),
    "five digits": (lambda v: round(v, 5), 1e-5),
    "float32, scaled": (lambda v: 0.3 * float(np.float32(v)), 0.3 * 2.0**-24),
    "float32 over 10": (lambda v: float(np.float32(10) + np.float32(v)) - 10, 2.0**-20),
    "float32 over 1e4": (lambda v: float(np.float32(1e4) + np.float32(v)) - 1e4, 2.0**-10),
    "1e6 over 1e9": (lambda v: (v + 1e6 + 1e9) - 1e9, 2.0**-23),
    "a part in float32": (lambda v: v + 1e-3 * float(np.float32(v)), 1e-3 * 2.0**-24),
}


@pytest.mark.parametrize("size", [1e-200, 1.0, 1e140])
@pytest.mark.parametrize("name", ROUNDED)
def test_the_bound_is_between_half_the_spacing_and_a_few_of_it(name, size):
    rounded, spacing = ROUNDED[name]
    x = np.array([0.31, 0.52])
    bounds = [
        measured(lambda x, d=d: size * float(rounded((np.tanh(x) + d).sum())), x).noise for d in (0, 0.003, 0.011)
    ]
    assert size * spacing / 2 <= min(bounds)
    assert max(bounds) <= 16 * size * spacing


@pytest.mark.parametrize("size", [1e-200, 1.0, 1e140])
@pytest.mark.parametrize(
    "rounded",
    [lambda v: round(v, 1), lambda v: float(np.float32(1e6) + np.float32(v)) - 1e6, lambda v: np.sin(1e15 * v)],
)
def test_nothing_bounds_what_a_function_drowns_in(rounded, size):
    """Of a wave too short for any step, nobody knows whether it is rounding."""
    assert measured(lambda x: size * rounded(np.tanh(x).sum()), np.array([0.31, 0.52])).noise == np.inf


def test_numbers_that_a_short_type_holds_show_its_spacing():
    assert measured(lambda x: np.float32(np.tanh(x).sum()), [0.3]).unit == 2.0**-23
    assert measured(lambda x: np.float16(np.tanh(x).sum()), [0.3]).unit == 2.0**-10
    assert measured(lambda x: np.tanh(x).sum(), [0.3]).unit == EPSILON


def test_a_slope_that_meets_the_same_place_of_the_grid_each_time_does_not_hide_it():
    """Values of a float32 whose step from point to point is a whole number of its spacings: no jitter, but stairs."""
    for slope in np.linspace(1, 3, 41):
        bound = measured(lambda x, slope=slope: 0.7 * float(np.float32(1 + slope * x[0])), [1.0]).noise
        assert bound >= 0.7 * 2.0**-24


@pytest.mark.parametrize("length", [1e-9, 1e-6, 1e-3])
def test_a_narrow_structure_is_no_noise(length):
    assert measured(lambda x: np.sin(x / length).sum() + 2, [0.7]).noise < 16 * EPSILON * (2 + 0.7 / length)


def test_a_kink_close_by_is_not_noise():
    assert measured(lambda x: np.abs(x - 1 - 1e-9).sum() + 1.0, [1.0]).noise < 1e-13


def test_a_function_that_is_finite_nowhere_else_has_the_spacing_of_its_value():
    function = ScalarFunction(lambda p: 2.0 if p["x"][0] == 1.0 else np.nan, {"x": np.ones(1)})
    function.origin = 2.0
    assert measured_rounding(function, np.random.default_rng(0)).noise == 2 * EPSILON
