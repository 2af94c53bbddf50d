"""Adagrad takes the steps computed by hand: from 1, learning rate 1."""

import pytest
from optim.cases import alone

from npseq.optim import Adagrad


@pytest.mark.parametrize(
    ("options", "grads", "expected"),
    [
        ({"eps": 0}, (3, 4), -0.8),  # roots 3, 5
        ({"eps": 0, "lr_decay": 1}, (3, 4), -0.4),  # the second step has half the learning rate
        ({"eps": 0, "initial_accumulator_value": 16}, (3,), 0.4),  # root 5
        ({"eps": 1}, (3,), 0.25),  # eps is added to the root
        ({"eps": 0, "initial_accumulator_value": 16, "weight_decay": 2}, (1,), 0.4),  # the gradient is 3
    ],
)
def test_the_steps_are_those_computed_by_hand(options, grads, expected):
    assert alone(Adagrad(1, **options), *grads) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"lr_decay": -1}, "lr_decay must lie in"),
        ({"initial_accumulator_value": -1}, "initial_accumulator_value must lie in"),
        ({"eps": -1}, "eps must lie in"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, text):
    with pytest.raises(ValueError, match=text):
        Adagrad(**options)
