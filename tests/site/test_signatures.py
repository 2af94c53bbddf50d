"""Signatures show NumPy's classes by their documented names."""

import sys
from pathlib import Path

import pytest

from npseq.backend import Array

sys.path.append(str(Path(__file__).parents[2] / "docs" / "_ext"))
from signatures import shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (str(Array), "numpy.ndarray"),
        ("(x: ~numpy.ndarray[tuple[~typing.Any, ...], ~numpy.dtype[~typing.Any]])", "(x: ~numpy.ndarray)"),
        ("tuple[numpy.ndarray[typing.Any, numpy.dtype[typing.Any]], str]", "tuple[numpy.ndarray, str]"),
        ("(rng: int | ~numpy.random._generator.Generator)", "(rng: int | ~numpy.random.Generator)"),
        (None, None),
    ],
)
def test_a_type_has_the_name_that_numpy_documents(text, expected):
    assert shown(text) == expected
