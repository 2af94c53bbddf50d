"""A function's local names are read, whatever it returns and wherever it fails, and its arguments are copies."""

import sys

import numpy as np

from npseq.learn.running import explained, run

X = {"x": np.arange(3.0)}


def test_local_names_and_what_is_returned_are_both_read():
    def one(x):
        a = x + 1
        b = a * 2
        return a, b + 1

    found = run(one, X, ("a", "b")).values
    np.testing.assert_array_equal(found["a"], [1, 2, 3])
    np.testing.assert_array_equal(found["b"], [3, 5, 7])  # what is returned counts


def test_names_before_an_error_are_kept():
    def one(x):
        a = x + 1
        b = a @ np.ones((2, 2))
        return a, b

    ran = run(one, X, ("a", "b"))
    assert ran.error.startswith("ValueError: ")
    assert set(ran.values) == {"x", "a"}


def test_arguments_are_copies_and_changes_are_told():
    def one(x):
        x *= 2

    before = X["x"].copy()
    ran = run(one, X, ("x",))
    assert ran.changed == ("x",)
    np.testing.assert_array_equal(X["x"], before)


def test_a_dict_by_name_and_a_single_value_are_read():
    assert run(lambda x: {"b": 1, "c": 2}, X, ("b",)).values["b"] == 1
    assert run(lambda x: 5, X, ("b",)).values["b"] == 5


def test_a_debugger_stays_where_it_was():
    def trace(*given):
        return None

    outer = sys.gettrace()
    sys.settrace(trace)
    try:
        run(lambda x: x, X, ("a",))
        assert sys.gettrace() is trace
    finally:
        sys.settrace(outer)


def test_where_a_function_failed_is_quoted_and_what_helps_is_said():
    def one(x):
        return tanh(x)  # noqa: F821

    error = run(one, X, ("a",)).error
    assert error.endswith("; at 'return tanh(x)  # noqa: F821'")
    assert explained(error, X).startswith("write np.tanh; at ")
    assert explained("NameError: name 'A' is not defined", X) == "A is not given, only x"
    assert explained("TypeError: ufunc 'bitwise_xor' not supported", X).startswith("a power is **, not ^")
