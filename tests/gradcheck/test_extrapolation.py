"""Extrapolated differences are right to the error that they state."""

import numpy as np
import pytest

from npseq.gradcheck import gradcheck
from npseq.gradcheck.differences import Difference, step_size
from npseq.gradcheck.extrapolation import Table, derivative
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


def table(function, *steps, noise=1e-15):
    found = Table()
    for h in steps:
        central = (function(h) - function(-h)) / (2 * h)
        found.add(Difference(central, central, central, noise, h))
    return found


HALVES = [0.1 / 2**k for k in range(8)]


def test_the_table_eliminates_even_powers_of_a_smooth_function():
    found = table(lambda t: np.exp(t), *HALVES[:5])
    assert abs(found.value - 1) <= found.error < 1e-10


def test_the_table_eliminates_whole_powers_where_the_second_derivative_jumps():
    found = table(lambda t: 0.3 * t + max(t, 0) ** 2, *HALVES[:4])
    assert abs(found.value - 0.3) <= found.error < 1e-12


@pytest.mark.parametrize("power", [1.3, 1.5, 1.7])
def test_no_other_power_is_believed_to_be_eliminated(power):
    for count in range(3, 8):
        found = table(lambda t: 0.3 * t + max(t, 0.0) ** power, *HALVES[:count])
        assert abs(found.value - 0.3) <= found.error


def test_a_shorter_step_refutes_what_longer_ones_agreed_on():
    found = table(lambda t: t, *HALVES[:3])
    assert not found.refuted_by(Difference(1.0, 1.0, 1.0, 1e-12, HALVES[3]))
    assert found.refuted_by(Difference(1.1, 1.1, 1.1, 1e-12, HALVES[3]))
    assert not found.refuted_by(Difference(1.1, 1.1, 1.1, 0.1, HALVES[3]))  # that is rounding


@pytest.mark.parametrize("height", [1e-9, 1e-12, 1e-14])
def test_a_structure_narrower_than_the_steps_is_found_if_it_is_higher_than_rounding(height):
    """x + a tanh(x / a): the slope is 2 at 0, and 1 + a / h for a step h."""
    line = Line(lambda t: t + height * np.tanh(t / height), 0.0, noise=1e-16, shortest=1e-30)
    found = derivative(line, 1e-5, 1e-6)
    assert abs(found.value - 2) <= found.error
    assert height < 1e-11 or found.error < 1e-3


def test_of_two_results_the_one_from_shorter_steps_counts():
    """A wave that long steps meet at the same place each time looks like a line through its zeros."""
    line = Line(lambda t: np.sin(2 * np.pi * 64 * t) + 0.1 * t, 0.0, noise=1e-3, typical=1.0, longest=1.0)
    found = derivative(line, 1e-5, 1e-6)
    assert abs(found.value - (2 * np.pi * 64 + 0.1)) <= found.error
