"""States go to names and back."""

import numpy as np
import pytest
from layercheck.small_layers import numbers

import npseq as ns
from npseq.layercheck.named_states import initial, named, state_of

H0, C0 = numbers(1, 2, 3), numbers(1, 2, 3, seed=1)


@pytest.mark.parametrize(
    ("layer", "state", "names"),
    [
        (ns.GRU(2, 3), H0, {"h0": H0}),
        (ns.LSTM(2, 3), (H0, C0), {"h0": H0, "c0": C0}),
        (
            ns.Bidirectional(ns.RNN(2, 3), ns.LSTM(2, 3)),
            (H0, (H0, C0)),
            {"forward.h0": H0, "backward.h0": H0, "backward.c0": C0},
        ),
    ],
)
def test_a_state_has_names_from_which_it_comes_back(layer, state, names):
    layer = layer.astype(np.float64)
    for found in (named(layer, state), initial(layer, state, 2)):
        assert list(found) == list(names)
        assert all(np.array_equal(found[name], value) for name, value in names.items())
    again = state_of(layer, names)
    assert named(layer, again).keys() == names.keys()


def test_no_state_is_zeros():
    assert not initial(ns.LSTM(2, 3), None, 4)["c0"].any()
