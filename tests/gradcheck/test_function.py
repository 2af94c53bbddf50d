"""A ScalarFunction counts evaluations, moves its own copy of the point, and puts it back in every bit."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from npseq.gradcheck.function import EPSILON, Line, ScalarFunction, root_mean_square, scalar, unit_direction

AT = {"x": np.array([[0.1, -2.0], [3e5, 1e-7]]), "y": np.float32(0.3) * np.ones(())}


def total(p):
    return (p["x"] * np.array([[1.0, 2.0], [3.0, 4.0]])).sum() + p["y"]


def test_an_entry_moves_and_is_put_back_in_every_bit():
    function = ScalarFunction(total, AT)
    before = function()
    assert function.with_entry("x", 2, 0.0) == pytest.approx(before - 3 * 3e5)
    assert function() == before
    assert not function.written_on()
    assert function.evaluations == 3


def test_an_entry_is_put_back_if_f_raises():
    function = ScalarFunction(lambda p: {0.0: p["y"]}[p["y"].item()], AT)
    with pytest.raises(KeyError):
        function.with_entry("y", 0, 1.0)
    assert function.arguments()["y"] == function.values["y"][0]
    assert not function.written_on()


def test_away_from_the_point_an_error_of_its_domain_is_no_number():
    function = ScalarFunction(lambda p: math.log(p["y"]) + 1 / (p["y"].item() - 2) + math.exp(p["y"]), AT)
    assert function() == math.log(AT["y"]) + 1 / (AT["y"].item() - 2) + math.exp(AT["y"])
    assert np.isnan([function.with_entry("y", 0, value) for value in (-1.0, 2.0, 1000.0)]).all()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.ones(2), r"an array of shape \(2,\); reduce it"),
        (np.ones((1, 1)), r"an array of shape \(1, 1\)"),
        (None, "a NoneType; return a float"),
        ("1.0", "a str"),
        (np.array("1.0"), "a str"),
        (b"1", "a bytes"),
        (True, "a bool"),
        (np.bool_(True), "a bool"),
        ([1.0], "a list"),
        ({1.0}, "a set"),
        ((x for x in (1.0,)), "a generator"),
        (object(), "a object"),
        (np.array(object()), "a object"),
        (np.ndarray, "a type"),
        (Decimal(1), "a Decimal"),
    ],
)
def test_what_is_no_number_is_refused(value, text):
    with pytest.raises(ValueError, match=f"f must return a scalar, got {text}"):
        scalar(value)


@pytest.mark.parametrize("value", [2, 2.0, np.float16(2), np.int8(2), np.array(2.0), np.longdouble(2), Fraction(2)])
def test_a_number_of_any_type_is_a_float(value):
    assert scalar(value) == 2.0
    assert type(scalar(value)) is float


def test_a_complex_number_stays_one_and_a_huge_integer_is_infinite():
    assert scalar(np.complex64(2j)) == 2j
    assert scalar(10**400) == np.inf


def test_a_direction_moves_several_tensors_and_is_undone():
    function = ScalarFunction(total, AT)
    moved = function.moved({"x": np.array([1.0, 0.0, 0.0, 1.0]), "y": np.array([10.0])}, 0.5)
    assert moved == pytest.approx(function() + 0.5 * (1 + 4 + 10))
    assert not function.written_on()


def test_the_caller_s_arrays_are_not_shared():
    at = {name: value.copy() for name, value in AT.items()}
    function = ScalarFunction(lambda p: float(p["x"].fill(0.0) or 1.0), at)
    function()
    assert function.written_on() == ["x"]
    np.testing.assert_array_equal(at["x"], AT["x"])
    np.testing.assert_array_equal(function.arguments()["x"], AT["x"])


def test_the_complex_copy_counts_with_the_function():
    function = ScalarFunction(total, AT)
    function()
    copy = function.complex_copy()
    assert copy.with_entry("x", 1, -2.0 + 1e-20j).imag == 2e-20
    assert isinstance(copy(), complex)
    assert (function.evaluations, copy.evaluations) == (3, 2)
    assert isinstance(function(), float)


def test_the_typical_value_is_the_root_mean_square_or_one():
    function = ScalarFunction(
        lambda p: 0.0, {"x": np.array([3.0, -4.0]), "huge": np.full(2, 1e300), "zero": np.zeros(3)}
    )
    assert function.typical("x") == pytest.approx(np.sqrt(12.5))
    assert function.typical("huge") == pytest.approx(1e300)
    assert function.typical("zero") == 1.0
    assert ScalarFunction(lambda p: 0.0, {"x": np.zeros((0, 2))}).typical("x") == 1.0


def test_a_line_along_an_entry_and_one_along_its_direction_agree():
    function = ScalarFunction(total, AT)
    function.origin, function.noise = function(), 1e-9
    entry, direction = function.along_entry("x", 1), function.along("x", np.eye(4)[1])
    assert entry.value(0.25) == direction.value(0.25) == pytest.approx(function.origin + 0.5)
    assert (entry.origin, entry.noise, entry.typical) == (direction.origin, direction.noise, direction.typical)
    assert (entry.origin, entry.noise, entry.typical) == (function.origin, 1e-9, function.typical("x"))
    assert (entry.coordinate, direction.coordinate) == (-2.0, 0.0)


def test_the_displacement_of_an_entry_is_a_multiple_of_its_spacing():
    assert Line(abs, 0.0, coordinate=1.0).displacement(0.7 * EPSILON) == EPSILON
    assert Line(abs, 0.0).displacement(0.7 * EPSILON) == 0.7 * EPSILON


def test_a_random_direction_has_norm_one():
    assert np.linalg.norm(unit_direction(np.random.default_rng(0), 7)) == pytest.approx(1.0)
    assert unit_direction(np.random.default_rng(0), 0).shape == (0,)


def test_a_root_mean_square_needs_no_squares():
    for size in (1e-300, 1.0, 1e300):
        assert root_mean_square(size * np.array([3.0, -4.0])) == pytest.approx(size * np.sqrt(12.5))
    assert root_mean_square(np.zeros(2)) == root_mean_square(np.zeros(0)) == 0.0


def test_the_size_of_an_entry_is_its_own_or_where_it_is_zero_the_typical_one():
    function = ScalarFunction(lambda p: 0.0, {"x": np.array([3.0, 0.0, -4.0]), "zero": np.zeros(2)})
    np.testing.assert_allclose(function.sizes("x"), [3.0, np.sqrt(25 / 3), 4.0])
    np.testing.assert_array_equal(function.sizes("zero"), [1.0, 1.0])
