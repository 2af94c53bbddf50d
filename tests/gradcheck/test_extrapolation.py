"""Extrapolated differences are right to the error that they state."""

import numpy as np
import pytest

from npseq.gradcheck import gradcheck
from npseq.gradcheck.differences import step_size
from npseq.gradcheck.extrapolation import derivative
from npseq.gradcheck.function import Line


def test_a_step_out_of_the_domain_does_not_end_the_check():
    x = np.array([1e-9, 1e-4, 3.0])
    assert gradcheck(lambda p: np.log(p["x"]).sum(), {"x": x}, {"x": 1 / x})


SMOOTH = {
    "exp": (np.exp, np.exp),
    "sine": (lambda x: np.sin(7 * x), lambda x: 7 * np.cos(7 * x)),
    "rational": (lambda x: 1 / (1 + x * x), lambda x: -2 * x / (1 + x * x) ** 2),
    "logarithm": (np.log, lambda x: 1 / x),
}


def found_at(f, x, target, noise=1e-15):
    line = Line(lambda t: float(f(x + t)), float(f(x)), noise, abs(x), x, 1e-14)
    with np.errstate(invalid="ignore"):
        return derivative(line, step_size(line), target)


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("x", [0.02, 0.6, 3.0])
def test_the_error_bounds_the_distance_from_the_derivative(name, x):
    f, df = SMOOTH[name]
    found = found_at(f, x, 1e-12 * abs(df(x)))
    assert abs(found.value - df(x)) <= found.error < 1e-8 * max(abs(df(x)), 1)
    assert (found.low, found.high, found.kink) == (found.value, found.value, None)


def test_the_error_of_a_rounded_function_is_that_of_its_rounding():
    found = found_at(lambda x: np.float32(np.sin(x)), 0.6, 1e-12, noise=6e-8)
    assert abs(found.value - np.cos(0.6)) <= found.error
    assert 1e-8 < found.error < 1e-4


def test_it_stops_as_soon_as_the_target_is_met():
    calls = []

    def f(t):
        calls.append(t)
        return float(np.sin(0.4 + t))

    derivative(Line(f, np.sin(0.4)), 1e-3, 1e-3)
    few = len(calls)
    derivative(Line(f, np.sin(0.4)), 1e-3, 1e-12)
    assert few < len(calls) - few
