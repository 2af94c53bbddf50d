"""Entries are judged on the scale of their tensor, of y and dx on that of their step."""

import numpy as np
import pytest

from npseq.vectors.comparison import compare

RIGHT = {"y": np.array([[1.0, 2.0], [1e-9, 0.0], [0.0, 0.0]]), "dW": np.array([4.0, 1e-9]), "h": np.zeros(1)}


def test_the_worst_entry_is_named():
    worst = compare({"dW": RIGHT["dW"] + [0, 0.004], "y": RIGHT["y"]}, RIGHT)
    assert worst.error == pytest.approx(0.001)
    assert (worst.name, worst.place) == ("dW", (1,))
    assert str(worst) == "dW[1] is 0.004000001, right is 1e-09"


@pytest.mark.parametrize(
    ("name", "index", "value", "error"),
    [
        ("y", (1, 1), 1e-10, 0.1),  # of the step's 1e-9
        ("y", (2, 0), 1e-300, np.inf),  # behind the sequence's end
        ("y", (0, 0), np.nan, np.inf),
        ("dW", (1,), 0.0, 2.5e-10),
        ("h", (0,), np.inf, np.inf),
    ],
)
def test_the_scale(name, index, value, error):
    given = RIGHT[name].copy()
    given[index] = value
    worst = compare({name: given}, RIGHT)
    assert worst.error == pytest.approx(error)
    assert worst.place == index


def test_equal_is_0_and_a_scalar_has_no_place():
    assert compare(RIGHT, RIGHT).error == 0
    assert str(compare({"s": np.array(2.0)}, {"s": np.array(1.0)})) == "s is 2, right is 1"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({}, "the answer must hold some of y, dW, h, got nothing"),
        ({"dy": np.zeros(1)}, "got 'dy'"),
        ({"dW": np.zeros((2, 1))}, r"dW must have shape \(2,\), got \(2, 1\)"),
    ],
)
def test_what_cannot_be_compared(answer, message):
    with pytest.raises(ValueError, match=message):
        compare(answer, RIGHT)
