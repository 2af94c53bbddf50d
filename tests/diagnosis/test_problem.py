"""A problem knows its tensors, and where a mistake is possible."""

import numpy as np
import pytest
from diagnosis.cases import CASES

from npseq.diagnosis.mistake import Mistake


@pytest.mark.parametrize("name", CASES)
def test_names_and_shapes_are_those_of_backward(name):
    right = CASES[name]()
    assert {own: right.problem.like(own) for own in right.problem.names} == {
        own: value.shape for own, value in right.grads.items()
    }


@pytest.mark.parametrize("name", CASES)
def test_x_is_what_forward_read(name):
    right = CASES[name]()
    if right.problem.is_ids:
        assert np.array_equal(right.problem.x.argmax(axis=2), right.x)
    else:
        held = np.arange(5)[:, None] < (np.full(3, 5) if right.lengths is None else right.lengths)
        np.testing.assert_array_equal(right.problem.x[held], right.x[held])


def test_what_does_not_fit_is_not_possible():
    (strand,) = CASES["lstm, peepholes and projection"]().problem.strands
    assert strand.rewrites(Mistake("", "", step=("dc = dc_all * o",))) != {}
    assert strand.rewrites(Mistake("", "", step=("dc = dh_new * o",))) == {}  # 3 units against 4
    assert strand.rewrites(Mistake("", "", step=("da_n = 0",))) == {}  # of another cell
