"""The layer-normalised LSTM beside PyTorch's operations."""

import numpy as np
import pytest
from gallery.conformance import H, affine, check, layer_of

import npseq as ns
from npseq.gallery import LayerNormLSTMCell


def step(p, x, s):
    from torch.nn.functional import layer_norm

    def normed(a, k):
        return layer_norm(a, (H,), p[f"gamma_{k}"], p[f"beta_{k}"], 1e-3)

    o, i, f = (normed(affine(p, k, x, s["h"]), k).sigmoid() for k in "oif")
    c = f * s["c"] + i * normed(affine(p, "g", x, s["h"]), "g").tanh()
    return {"h": o * normed(c, "c").tanh(), "c": c}


def test_it_is_its_equations():
    check(LayerNormLSTMCell(1e-3), step)


def test_gains_begin_as_1_and_shifts_as_0():
    layer = layer_of(LayerNormLSTMCell(), rng=3)
    assert {float(value) for name in layer.params if "gamma" in name for value in layer.params[name]} == {1.5}
    assert not any(layer.params[name].any() for name in layer.params if "beta" in name)


def test_the_mistakes_of_a_cell_that_takes_means_are_not_named():
    layer, x = layer_of(LayerNormLSTMCell(), num_layers=1), np.ones((2, 2, 2))
    y, _, tape = layer.forward(x)
    with pytest.raises(TypeError, match="it takes means or sums over units; gradcheck_layer checks it"):
        ns.diagnose(layer, x, y, layer.backward(y, tape)[2])


def test_epsilon_is_a_number():
    with pytest.raises((TypeError, ValueError), match="epsilon must be"):
        LayerNormLSTMCell(float("nan"))
