"""A difference takes the step that float64 took, and the step size balances truncation and rounding."""

import numpy as np
import pytest

from npseq.gradcheck import gradcheck
from npseq.gradcheck.differences import difference, step_size
from npseq.gradcheck.function import EPSILON, Line


def test_the_step_follows_the_values_and_the_function():
    for size, length in [(1e6, 1.0), (1e-6, 1.0), (1e-6, 1e-6), (1e4, 1e4), (0.0, 1.0)]:
        x = size * np.array([1.0, -0.4, 0.7])
        report = gradcheck(lambda p, k=length: np.sin(p["x"] / k).sum(), {"x": x}, {"x": np.cos(x / length) / length})
        assert report, f"{size} {length}\n{report}"


def test_a_kink_shows_in_the_one_sided_slopes():
    step = difference(Line(lambda t: 3 * t if t > 0 else -t, 0.0), 0.25)
    assert (step.left, step.central, step.right, step.asymmetry) == (-1.0, 1.0, 3.0, 4.0)
    assert step.noise == 2 * 0.75 * EPSILON / 0.5


def test_the_step_is_the_one_that_float64_takes():
    x = 1e8  # its neighbours are 1.5e-8 away
    line = Line(lambda t: 3 * ((x + t) - x), 0.0, coordinate=x)
    assert difference(line, 1e-8).central == 3.0
    assert np.isnan(difference(line, 1e-9).central)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_not_finite_gives_no_slope(value):
    step = difference(Line(lambda t: t if t > 0 else value, 0.0), 0.5)
    assert np.isnan([step.central, step.left, step.right]).all()
    assert step.noise == np.inf


def test_the_step_size_balances_truncation_and_rounding():
    line = Line(lambda t: 0.2 + 0.7 * t - t**3, 0.2, noise=1e-6)
    assert step_size(line) == pytest.approx((3 * 1e-6 / 6) ** (1 / 3))


def test_the_step_size_shrinks_until_f_is_finite():
    line = Line(lambda t: np.log(1e-3 + t) if t > -1e-3 else np.nan, np.log(1e-3), noise=1e-15)
    assert 1e-9 < step_size(line) < 1e-3
