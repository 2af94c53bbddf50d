"""The layer-normalised LSTM beside PyTorch's operations."""

import numpy as np
import pytest
from gallery.conformance import H, affine, check, layer_of

from npseq.gallery import LayerNormLSTMCell
from npseq.gpu.cell import FusedCell
from npseq.gpu.program import Untraceable


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


def test_no_kernel_can_hold_it_and_the_error_says_what_can():
    cell, a = LayerNormLSTMCell(), np.zeros((8, H, 2))
    p, state = np.ones((10, H, 1)), (np.zeros((H, 2)), np.zeros((H, 2)))
    with pytest.raises(Untraceable, match="a cell that is not entry by entry needs fused=False"):
        FusedCell(cell).forward(a, state, state, p, None)


def test_epsilon_is_a_number():
    with pytest.raises((TypeError, ValueError), match="epsilon must be"):
        LayerNormLSTMCell(float("nan"))
