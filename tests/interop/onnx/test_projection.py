"""An LSTM with a projection is an LSTM over m with the weights W_hp W_h, whose initial h enters at the first step."""

import numpy as np

from npseq import LSTM
from npseq.interop.onnx.projection import projections, without_projection
from npseq.interop.onnx.weights import weights_of

D, H, P = 2, 4, 3


def test_the_weights_without_the_projection():
    layer = LSTM(D, H, proj_size=P, bidirectional=True, dtype=np.float64, rng=0)
    weights, U = weights_of(layer, 0), projections(layer, 0)
    found = without_projection(weights, U)
    assert {name: array.shape for name, array in found.items()} == {
        "W": (2, 4 * H, D + 2 * P),
        "R": (2, 4 * H, H),
        "B": (2, 8 * H),
    }
    m, h = np.random.default_rng(0).normal(size=(2, 2, H))[0], np.arange(P) + 1.0
    for d in range(2):
        np.testing.assert_allclose(found["R"][d] @ m[d], weights["R"][d] @ (m[d] @ U[d]), rtol=1e-13)
        beside = np.zeros(D + 2 * P)
        beside[D + d * P : D + (d + 1) * P] = h
        np.testing.assert_allclose(found["W"][d] @ beside, weights["R"][d] @ h, rtol=1e-13)
