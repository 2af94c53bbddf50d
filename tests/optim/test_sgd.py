"""SGD takes the steps computed by hand: from 1, learning rate 1/2, gradients 2 and 4."""

import pytest
from optim.cases import alone

from npseq.optim import SGD


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, -2.0),
        ({"momentum": 0.5}, -2.5),  # b = 2, 5
        ({"momentum": 0.5, "dampening": 0.5}, -1.5),  # b = 2, 3: the first gradient is not damped
        ({"momentum": 0.5, "nesterov": True}, -3.75),  # steps 2 + 2/2 and 4 + 5/2
        ({"weight_decay": 0.5}, -2.1875),  # gradients 2.5 and 3.875
    ],
)
def test_two_steps_are_those_computed_by_hand(options, expected):
    assert alone(SGD(0.5, **options), 2, 4) == expected


def test_only_momentum_needs_state():
    assert SGD(0.1).kinds() == {}
    assert SGD(0.1, momentum=0.9).kinds() == {"momentum": 0.0}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"momentum": -0.1}, "momentum must lie in"),
        ({"nesterov": True}, "nesterov needs momentum > 0 and dampening 0, got 0 and 0"),
        ({"momentum": 0.9, "dampening": 0.1, "nesterov": True}, "dampening 0, got 0.9 and 0.1"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, text):
    with pytest.raises(ValueError, match=text):
        SGD(1, **options)
