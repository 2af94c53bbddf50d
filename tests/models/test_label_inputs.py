"""Texts, sentences of tokens and labels by name are read from every usual form."""

import types

import numpy as np
import pytest

from npseq.data import Vocabulary
from npseq.models.label_inputs import by_name, holding, is_texts, lines_of, names_of

WORDS = Vocabulary(["the", "cat", "sat"], token="word")


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        (["a b"], True),
        (("a b", "c"), True),
        (np.array(["a b"]), True),
        ([["a", "b"], []], True),
        ([[], ["a"]], True),
        ([np.array(["a", "b"])], True),
        (np.array([["a"]]), False),
        (np.ones(3), False),
        ([[1, 2]], False),
        (3, False),
        (iter("a"), False),
    ],
)
def test_texts_are_told_from_arrays(given, texts):
    assert is_texts(given) is texts


def test_tokens_of_texts_and_of_lists():
    assert lines_of(["the  Cat", ["The", "dog"], np.array(["sat"])], WORDS, whole=True) == [
        ["the", "cat"],
        ["the", "dog"],
        ["sat"],
    ]
    assert lines_of([["New York"]], WORDS, whole=False) == [["new york"]]
    assert lines_of([["New York"]], Vocabulary([["the cat"]], token="word"), whole=True) == [["new york"]]


def test_names_and_those_that_hold():
    assert by_name(["a"])
    assert by_name(np.array(["a"]))
    assert not by_name([1])
    assert not by_name([])
    assert not by_name("a")
    assert holding(["a", "b"], [["b"], [], ("a", "b")]).tolist() == [[False, True], [False, False], [True, True]]
    assert holding(["a", "b"], [{"b"}, set()]).tolist() == [[False, True], [False, False]]
    assert holding(["a", "b"], [[1, 0]]) == [[1, 0]]
    assert [type(name) for name in names_of(np.array(["a", "b"]))] == [str, str]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: is_texts("a b"), TypeError, r"got one string; pass \[texts\]"),
        (lambda: is_texts([]), ValueError, "texts must be at least one"),
        (
            lambda: is_texts(iter(["a"]), True),
            TypeError,
            r"a list of strings, got list_iterator; pass list\(...\) of it",
        ),
        (lambda: is_texts({"a": 1}.keys(), True), TypeError, r"got dict_keys; pass list\(...\) of it"),
        (
            lambda: is_texts(types.SimpleNamespace(columns=["a"]), True),
            TypeError,
            "got a whole .*; pass one of its columns",
        ),
        (lambda: lines_of(["a", None], WORDS, True), TypeError, "or lists of tokens, got None in place 1"),
        (
            lambda: lines_of([[("a", "X")]], WORDS, False),
            TypeError,
            r"of tokens, got \[\('a', 'X'\)\] in place 0",
        ),
        (
            lambda: lines_of([["the cat sat"]], WORDS, True),
            TypeError,
            "in each place, got 'the cat sat' in place 0",
        ),
        (lambda: lines_of([["the"]], Vocabulary("the"), True), TypeError, "must hold one in each place, got 'the'"),
        (lambda: holding(["a"], [["a"], ["c"]]), ValueError, r"a list of the labels \['a'\], got 'c'"),
        (lambda: holding(["a"], ["a"]), ValueError, "a list of the labels that hold, got 'a'; put it"),
        (lambda: names_of(["a", "a"]), TypeError, "or their names, each once"),
    ],
)
def test_what_is_neither_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
