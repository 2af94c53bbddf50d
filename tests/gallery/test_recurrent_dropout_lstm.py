"""The LSTM with recurrent dropout beside PyTorch's operations, with the masks that were drawn and without."""

import pytest
from gallery.conformance import affine, check

from npseq.gallery import RecurrentDropoutLSTMCell


def step(p, x, s):
    o, i, f = (affine(p, k, x, s["h"]).sigmoid() for k in "oif")
    c = f * s["c"] + i * affine(p, "g", x, s["h"]).tanh() * s["k"] / 0.7
    return {"h": o * c.tanh(), "c": c}


@pytest.mark.parametrize("training", [False, True])
def test_it_is_its_equations(training):
    check(RecurrentDropoutLSTMCell(0.3), step, training=training)


def test_nothing_but_a_probability_is_taken():
    with pytest.raises(ValueError, match="p must be"):
        RecurrentDropoutLSTMCell(1.0)
