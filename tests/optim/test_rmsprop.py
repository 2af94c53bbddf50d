"""RMSprop takes the steps computed by hand: from 1, learning rate 1."""

import numpy as np
import pytest
from optim.cases import alone

from npseq.optim import RMSprop


@pytest.mark.parametrize(
    ("options", "grads", "expected"),
    [
        ({"alpha": 0.75, "eps": 0}, (2, 1), -2.0),  # v = 1, 1
        ({"alpha": 0.75, "eps": 1}, (2,), 0.0),  # eps is added to the root
        ({"alpha": 0.75, "eps": 0, "momentum": 0.5}, (2, 1), -3.0),  # b = 2, 2
        ({"alpha": 0.5, "eps": 0, "centered": True}, (2,), -1.0),  # v - m^2 = 2 - 1
        ({"alpha": 0.75, "eps": 0, "weight_decay": 1}, (1,), -1.0),  # the gradient is 2
    ],
)
def test_the_steps_are_those_computed_by_hand(options, grads, expected):
    assert alone(RMSprop(1, **options), *grads) == expected


def test_the_state_names_its_kinds_and_parameters():
    optimizer = RMSprop(momentum=0.9, centered=True)
    optimizer.step({"W": np.ones(2)}, {"W": np.ones(2)})
    assert set(optimizer.state_dict()) == {"steps", "lr", "square/W", "mean/W", "momentum/W"}
    assert optimizer.state_dict()["steps"] == 1


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"alpha": -1}, "alpha must lie in"),
        ({"eps": -1}, "eps must lie in"),
        ({"momentum": -1}, "momentum must lie in"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, text):
    with pytest.raises(ValueError, match=text):
        RMSprop(**options)
