"""Gradients at a state of yesterday's parameters and of today's."""

import numpy as np
import pytest
from layers.recurrent_cases import every_cell, given, make

from npseq.inspect import stale_state_bias


@every_cell
def test_it_is_the_difference_of_two_gradients(cell):
    layer = make(cell, num_layers=1)
    data, chunk = given(layer, 4, 2), given(layer, 3, 2, seed=1)
    carried = layer.forward(data.x, data.state)[1]
    layer.params.flat[:] *= 1.1

    def gradient(state):
        return layer.backward(chunk.dy, layer.forward(chunk.x, state)[2])[2]

    stale, fresh = gradient(carried).flat, gradient(layer.forward(data.x, data.state)[1]).flat
    for form in (gradient, lambda state: gradient(state).flat):
        bias = stale_state_bias(layer, form, carried, data.x, data.state)
        assert bias.norm == pytest.approx(np.sqrt(((stale - fresh) ** 2).sum()), rel=1e-12)
        assert bias.relative == pytest.approx(bias.norm / np.sqrt((fresh**2).sum()), rel=1e-12)
        size = np.sqrt((stale**2).sum() * (fresh**2).sum())
        assert bias.cosine == pytest.approx((stale * fresh).sum() / size, rel=1e-12)
        assert bias.norm > 0


def test_nothing_is_stale_before_an_update():
    layer = make("lstm")
    data = given(layer, 4, 2)
    carried = layer.forward(data.x, None, np.array([2, 4]))[1]

    def gradient(state):
        return layer.backward(data.dy, layer.forward(data.x, state)[2])[2]

    bias = stale_state_bias(layer, gradient, carried, data.x, lengths=np.array([2, 4]))
    assert (bias.norm, bias.relative) == (0, 0)
    assert bias.cosine == pytest.approx(1, rel=1e-14)
