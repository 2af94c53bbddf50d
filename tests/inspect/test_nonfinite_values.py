"""The search in arrays: in what is given to a layer, with padding and steps, and the sentence about it."""

import numpy as np
import pytest
from nonfinite_cases import B, D, H, T, every_cell, layer_of, numbers

from npseq.inspect import Nonfinite, first_nonfinite
from npseq.inspect.nonfinite_values import first_index, in_arrays, in_state, in_steps


@every_cell
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_it_is_found_in_the_input(cell, value):
    layer, x = layer_of(cell), numbers(T, B, D)
    x[3, 1, 2] = value
    found = first_nonfinite(layer, x)
    assert (found.kind, found.name, found.step, found.example, found.index) == ("input", "x", 3, 1, (2,))
    assert str(found) == f"the first value that is not finite is {value} in input x, step 3, example 1, entry 2"


def test_it_does_not_count_in_the_padding():
    layer, x, lengths = layer_of("gru"), numbers(T, B, D), np.array([T, 3, 2])
    x[3:, 1] = np.nan
    assert first_nonfinite(layer, x, lengths=lengths, dy=numbers(T, B, H)) is None
    x[2, 1, 0] = np.nan
    assert first_nonfinite(layer, x, lengths=lengths)[5:7] == (2, 1)


def test_it_is_found_in_the_given_state():
    layer = layer_of("lstm")
    h, c = np.zeros((1, B, H)), np.zeros((1, B, H))
    c[0, 2, 1] = np.inf
    found = first_nonfinite(layer, numbers(T, B, D), state=(h, c))
    assert (found.kind, found.name, found.example, found.index) == ("state", "c before the first step", 2, (0, 1))


def test_it_is_found_in_a_weight():
    layer = layer_of("lstm", num_layers=2, bidirectional=True)
    layer.params["W_hf_l1_reverse"][3, 0] = np.nan
    found = first_nonfinite(layer, numbers(T, B, D))
    assert (found.kind, found.name, found.index) == ("weight", "W_hf_l1_reverse", (3, 0))


def test_the_first_index_is_that_of_the_first_or_the_last_step():
    array = np.zeros((4, 2, 3))
    array[1, 1, 2] = array[3, 0, 1] = np.inf
    assert first_index(array) == (1, 1, 2)
    assert first_index(array, from_the_end=True) == (3, 0, 1)
    past = np.zeros((4, 2), bool)
    past[1, 1] = True
    assert first_index(array, past) == (3, 0, 1)
    assert first_index(np.nan) == ()
    assert first_index(np.zeros(0)) is None


def test_each_search_names_the_place():
    steps = np.zeros((2, 2, 1))
    steps[1, 0, 0] = np.nan
    (found,) = in_steps("logits", "logits", steps, first=5)
    assert (found.step, found.example, found.index) == (6, 0, (0,))
    assert [found.name for found in in_arrays("weight", {"a": np.ones(2), "b": np.array([1, -np.inf])})] == ["b"]
    h, c = np.zeros((1, 2, 3)), np.zeros((1, 2, 3))
    c[0, 1, 2] = np.nan
    assert [found.name for found in in_state((h, c))] == ["c before the first step"]
    assert list(in_state(None)) == []


def test_a_gate_is_one_of_a_cell():
    assert Nonfinite("gate", "f", np.inf).gate == "f"
    assert Nonfinite("adjoint", "r", np.inf).gate == "r"
    assert Nonfinite("adjoint", "h", np.inf).gate is None
    assert Nonfinite("weight", "b_f", np.inf).gate is None
