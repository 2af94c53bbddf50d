"""The leaky network beside PyTorch's operations."""

import numpy as np
import pytest
from gallery.conformance import affine, check, layer_of

import npseq as ns
from npseq.gallery import LeakyRNNCell


def step(p, x, s):
    u = affine(p, "h", x, s["h"]).tanh()
    return {"h": s["h"] + 0.3 * (u - s["h"])}


def test_it_is_its_equations():
    check(LeakyRNNCell(0.3), step)


def test_without_a_leak_it_is_an_rnn():
    rnn = ns.RNN(2, 3, 3, bidirectional=True, dtype=np.float64, rng=0)
    rnn.params.flat[:] *= 1.5
    x = np.random.default_rng(0).normal(size=(4, 2, 2))
    np.testing.assert_allclose(layer_of(LeakyRNNCell(1.0)).forward(x)[0], rnn.forward(x)[0], rtol=0, atol=1e-14)


@pytest.mark.parametrize("alpha", [-0.1, 1.5, "a"])
def test_what_is_no_share_is_refused(alpha):
    with pytest.raises((TypeError, ValueError), match="alpha must be"):
        LeakyRNNCell(alpha)
