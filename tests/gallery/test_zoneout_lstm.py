"""The LSTM with zoneout beside PyTorch's operations, with the masks that were drawn and with their means."""

import numpy as np
import pytest
from gallery.conformance import affine, check, layer_of

import npseq as ns
from npseq.gallery import ZoneoutLSTMCell


def step(p, x, s):
    o, i, f = (affine(p, k, x, s["h"]).sigmoid() for k in "oif")
    q = f * s["c"] + i * affine(p, "g", x, s["h"]).tanh()
    k_c, k_h = s["k_c"], s["k_h"]
    return {"h": k_h * s["h"] + (1 - k_h) * (o * q.tanh()), "c": k_c * s["c"] + (1 - k_c) * q}


@pytest.mark.parametrize("training", [False, True])
def test_it_is_its_equations(training):
    check(ZoneoutLSTMCell(0.4, 0.3), step, training=training)


def test_masks_are_drawn_anew_with_their_probability():
    layer = ns.Recurrent(ZoneoutLSTMCell(0.8, 0.3), 2, 50, rng=0)
    x = np.ones((40, 10, 2), np.float32)
    first, second = (layer.forward(x, training=True)[2].strands[0][0].a[:, 4:].copy() for _ in range(2))
    assert set(np.unique(first)) == {0, 1}
    np.testing.assert_allclose(first.mean(axis=(0, 2, 3)), [0.8, 0.3], rtol=0, atol=0.01)
    assert (first != second).any()
    np.testing.assert_array_equal(
        layer.forward(x)[2].strands[0][0].a[:, 4:], np.broadcast_to(np.float32([[[0.8]], [[0.3]]]), (40, 2, 50, 10))
    )


def test_the_checker_holds_the_masks_fixed():
    layer = layer_of(ZoneoutLSTMCell(0.4, 0.3), num_layers=2, bidirectional=False, dropout=0.3)
    x = np.random.default_rng(0).normal(size=(5, 2, 2))
    assert ns.gradcheck_layer(layer, x, lengths=np.array([5, 3]))
    assert ns.gradcheck_layer(layer, x, truncation=ns.Truncated(2))
    both = layer_of(ZoneoutLSTMCell(0.4, 0.3), num_layers=1)
    with pytest.raises(ValueError, match="checked through masks in one direction"):
        ns.gradcheck_layer(both, x, truncation=ns.Truncated(2))


def test_nothing_but_a_probability_is_taken():
    for options in ({"keep_c": 1.5}, {"keep_h": -1}):
        with pytest.raises(ValueError, match="must be"):
            ZoneoutLSTMCell(**options)
