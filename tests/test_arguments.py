"""Each check returns what it accepts, as the type that it names, and says what was wrong with what it refuses."""

import ast
import math
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from foreign_arrays import Jax

import npseq as ns
from npseq import arguments

ROOT = Path(ns.__file__).parent


@pytest.mark.parametrize(
    ("check", "value", "expected"),
    [
        (arguments.number, 2, 2.0),
        (arguments.number, np.float32(0.5), 0.5),
        (arguments.number, np.array(3), 3.0),
        (arguments.number, math.inf, math.inf),
        (arguments.integer, np.int8(3), 3),
        (arguments.probability, 0, 0.0),
        (arguments.flag, 1, True),
        (arguments.flag, np.False_, False),
        (arguments.text, "abc", "abc"),
        (arguments.mapping, {"w": 1}, {"w": 1}),
        (arguments.function, len, len),
    ],
)
def test_a_value_that_fits_is_returned_as_the_type_that_the_check_names(check, value, expected):
    found = check("name", value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("check", "value", "error", "text"),
    [
        (arguments.number, True, TypeError, "name must be a number, got True"),
        (arguments.number, "1", TypeError, "name must be a number, got '1'"),
        (arguments.number, 1j, TypeError, "name must be a number, got 1j"),
        (arguments.number, Fraction(1, 2), TypeError, "name must be a number"),
        (arguments.number, np.ones(1), TypeError, r"name must be a number, got array\(\[1\.\]\)"),
        (arguments.number, 10**400, ValueError, "name must be a number that a float can hold, got one of 401 digits"),
        (arguments.number, np.ones(2), TypeError, r"name must be a number, got array\(\[1\., 1\.\]\)$"),
        (arguments.number, np.array([[2]]), TypeError, r"got array\(\[\[2\]\]\); pass name.item\(\)$"),
        (arguments.number, np.ma.masked, TypeError, "name must be a number, got masked$"),
        (arguments.number, Jax(np.array(1.5)), TypeError, r"name must be a number, got .*; pass name.item\(\)$"),
        (arguments.number, Jax(np.ones(2)), TypeError, "name must be a number, got .*>$"),
        (
            arguments.integer,
            np.array(3),
            ValueError,
            r"name must be a positive integer, got array\(3\); pass name.item",
        ),
        (arguments.integer, np.float32(3), ValueError, r"name must be a positive integer, got (np.float32\()?3.0\)?$"),
        (arguments.integer, 0, ValueError, "name must be a positive integer, got 0"),
        (arguments.integer, True, ValueError, "name must be a positive integer, got True"),
        (arguments.integer, 2.0, ValueError, "name must be a positive integer, got 2.0"),
        (arguments.probability, 1, ValueError, r"name must be a probability in \[0, 1\), got 1"),
        (arguments.probability, math.nan, ValueError, r"name must be a probability in \[0, 1\), got nan"),
        (arguments.flag, 2, TypeError, "name must be True or False, got 2"),
        (arguments.flag, None, TypeError, "name must be True or False, got None"),
        (arguments.array, [1.0], TypeError, "name must be a NumPy or CuPy array of numbers, got list; pass numpy.asar"),
        (
            arguments.array,
            np.array(["a"]),
            TypeError,
            "name must be a NumPy or CuPy array of numbers, got ndarray of <",
        ),
        (arguments.mapping, [1], TypeError, "name must map names to arrays, got list"),
        (arguments.mapping, [{}, {}], TypeError, r"got list; give \{\*\*first, \*\*second\}"),
        (arguments.mapping, {1: 2}, TypeError, "name must map names to arrays, got dict"),
        (arguments.function, 3, TypeError, "name must be a function, got 3"),
        (arguments.text, b"a", TypeError, "name must be a string, got bytes"),
        (
            arguments.array_or_lists,
            [[1], [2, 3]],
            TypeError,
            "name must be an array, or lists of numbers that have one length",
        ),
        (
            arguments.array_or_lists,
            ["a"],
            TypeError,
            "name must hold numbers, as an array does, got .*vocabulary\\[tokens\\]",
        ),
        (arguments.array_or_lists, [[10**30]], TypeError, "name must hold numbers, .* of NumPy's dtype object"),
        (
            arguments.array_or_lists,
            [0, np.ma.masked],
            TypeError,
            r"name\[1\] must be .* got numpy.MaskedConstant; pass",
        ),
        (arguments.array_or_lists, [[1], [np.ma.ones(1)]], TypeError, r"name\[0\] must be .* got numpy.MaskedArray"),
        (arguments.array_or_lists, {1, 2}, TypeError, r"got set; pass numpy.asarray\(list\(name\)\)"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_name(check, value, error, text):
    with pytest.raises(error, match=text):
        check("name", value)


@pytest.mark.parametrize("value", ["x" * 5000, ["x"] * 5000, np.ones((9, 9, 9))], ids=["text", "list", "array"])
@pytest.mark.parametrize("name", ["number", "integer", "share", "finite_number", "flag", "function", "float_dtype"])
def test_an_error_shows_the_beginning_of_what_was_given(name, value):
    check = getattr(arguments, name)
    with pytest.raises((TypeError, ValueError), match=r"must be .*, got ") as raised:
        check(value) if name == "float_dtype" else check("name", value)
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    ("bounds", "good", "bad", "text"),
    [
        ({"least": 0}, [0, 7], [-1], "name must be an integer of at least 0, got -1"),
        ({"least": 0, "below": 3}, [0, 2], [-1, 3], r"name must be an integer in \[0, 3\), got"),
        ({"least": 2}, [2], [1], "name must be an integer of at least 2, got 1"),
    ],
)
def test_integers_have_bounds(bounds, good, bad, text):
    assert [arguments.integer("name", value, **bounds) for value in good] == good
    for value in bad:
        with pytest.raises(ValueError, match=text):
            arguments.integer("name", value, **bounds)


def test_one_of_names_the_options():
    assert arguments.one_of("cell", "gru", ("rnn", "gru")) == "gru"
    for value in ("lstm", 3, None):
        with pytest.raises(ValueError, match=f"cell must be one of 'rnn', 'gru', got {value!r}"):
            arguments.one_of("cell", value, ("rnn", "gru"))


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(np.ones(2, np.float32), "f4"), (1.5, "f8"), (3, "i8"), ([[1], [2]], "i8"), ((1.0, 2), "f8"), (range(3), "i8"),
     ([], "i8"), ([np.int8(1), np.int8(2)], "i1"), ([np.ones(2, np.float32)], "f4")],
    ids=str,
)  # fmt: skip
def test_lists_of_numbers_become_arrays_where_lists_are_taken(value, dtype):
    made = arguments.array_or_lists("name", value)
    assert made.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(made, value)


@pytest.mark.parametrize(
    ("dtype", "layer", "remedies"),
    [
        ("float64", "float32", ["x.astype('float32')", "layer.astype('float64')"]),
        ("int64", "float32", ["x.astype('float32')"]),
        ("longdouble", "float64", ["x.astype('float64')"]),
        ("complex64", "float64", ["layer.astype('complex64')"]),
        ("complex128", "complex64", ["x.astype('complex64')", "layer.astype('complex128')"]),
        ("float16", "float32", []),
        ("bool", "float32", []),
    ],
)
def test_each_way_out_of_a_dtype_that_a_layer_cannot_hold_works(dtype, layer, remedies):
    value, own = np.ones((2, 3), dtype), ns.Linear(3, 1, dtype=layer, rng=0)
    if not remedies:
        assert arguments.castable("x", value, own.dtype) is value
        return
    with pytest.raises(TypeError, match=f"x is {np.dtype(dtype)} but the layer is {layer}; use ") as raised:
        arguments.castable("x", value, own.dtype)
    assert str(raised.value).partition("; use ")[2] == " or ".join(remedies)
    for remedy in remedies:
        changed = eval(remedy, {"x": value, "layer": own})
        own.forward(changed) if remedy.startswith("x") else changed.forward(value)


def test_a_dtype_is_one_that_npseq_computes_in():
    assert [arguments.float_dtype(name).name for name in arguments.DTYPES] == list(arguments.DTYPES)
    assert arguments.float_dtype(">f8") == np.dtype("f8")
    for value in (int, np.float16):
        with pytest.raises(ValueError, match="dtype must be float32, float64, complex64 or complex128, got"):
            arguments.float_dtype(value)
    for value in (None, "float33", object, "U1", "M8[s]", [("a", int)]):
        with pytest.raises(TypeError, match=re.escape(f"dtype must be a dtype, say numpy.float32, got {value!r}")):
            arguments.float_dtype(value)


def bare_calls(text):
    """The lines that call integer() and drop what it returns: a number of NumPy's would stay one."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Expr)]
    values = [part for node in nodes for part in getattr(node.value, "elts", [node.value])]
    return [v.lineno for v in values if isinstance(v, ast.Call) and getattr(v.func, "id", "") == "integer"]


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(ROOT.rglob("*.py")) if path.parent.name != "commands"],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_the_integer_that_was_checked_is_the_one_that_is_used(path):
    assert not bare_calls(path.read_text("utf-8"))


def test_a_call_whose_integer_is_dropped_is_found():
    assert bare_calls('integer("n", n)\nn = integer("n", n)\ninteger("a", a), integer("b", b)\n') == [1, 3, 3]
