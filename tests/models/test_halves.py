"""The encoder and the decoder by themselves; tests/models/test_encoder_decoder.py has their gradients."""

import numpy as np
import pytest

import npseq as ns
from npseq.models import Decoder, Encoder

IDS = np.array([[0, 1], [4, 2], [3, 1]])


def encoder(**options):
    return Encoder(ns.Embedding(5, 3, rng=0), ns.GRU(3, 4, rng=0, **options))


def decoder():
    return Decoder(ns.Embedding(5, 3, rng=0), ns.GRU(7, 4, rng=0), ns.Linear(4, 5, rng=0))


def test_the_context_is_the_last_state_at_each_sequences_own_end():
    encoded, _ = encoder().forward(IDS, np.array([3, 1], np.uint8))
    np.testing.assert_array_equal(encoded.context, encoded.state[0])
    np.testing.assert_array_equal(encoded.context, encoded.outputs[[2, 0], [0, 1]])


def test_every_decoder_step_reads_the_context():
    context = np.ones((2, 4), np.float32)
    ahead, state, _ = decoder().forward(IDS[:1], context, None)
    both = decoder().forward(IDS[:2], context, None)[0]
    np.testing.assert_allclose(decoder().forward(IDS[1:2], context, state)[0][0], both[1], rtol=1e-5)
    assert (decoder().forward(IDS[1:2], 0 * context, state)[0][0] != both[1]).any()
    np.testing.assert_array_equal(ahead[0], both[0])


@pytest.mark.parametrize(("make", "error", "message"), [
    (lambda: Encoder(ns.Embedding, ns.GRU(3, 4)), TypeError, "embedding must be an Embedding, got the class Embedding"),
    (lambda: Encoder(ns.Embedding(5, 3), "gru"), TypeError, "recurrent must be an RNN, GRU, LSTM or .*, got str"),
    (lambda: Encoder(ns.Embedding(5, 2), ns.GRU(3, 4)), ValueError, "recurrent must take what comes before it, 2"),
    (lambda: Decoder(ns.Embedding(5, 3), ns.GRU(7, 4), None), TypeError, "output must be a Linear, got NoneType"),
    (lambda: Decoder(ns.Embedding(5, 3), ns.GRU(3, 4), ns.Linear(4, 5)), ValueError, "recurrent must read the embedd"),
    (lambda: Decoder(ns.Embedding(5, 3), ns.Bidirectional(ns.GRU(7, 4), ns.GRU(7, 4)), ns.Linear(8, 5)), ValueError,
     "recurrent must read forward only"),
    (lambda: encoder().forward(IDS[0]), ValueError, r"ids must be ids \(T, B\), got shape \(2,\)"),
    (lambda: encoder().forward(IDS + 1), ValueError, r"ids must be in \[0, 5\), got 5 at \(1, 0\)"),
    (lambda: encoder().forward(IDS, tape=3), TypeError, "tape must be an old one that forward returned, or None"),
    (lambda: decoder().forward(IDS, np.ones((3, 4)), None), ValueError, r"context must have shape \(2, 4\)"),
    (lambda: encoder().backward(np.ones((2, 4)), None, None), TypeError, "tape must be the one .*, got NoneType"),
    (lambda: decoder().backward(np.ones((3, 2, 5)), encoder().forward(IDS)[1]), TypeError, "tape must be .* Encod"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_refused_backward_writes_nothing():
    model, grads = encoder(), encoder().params
    _, tape = model.forward(IDS)
    before = grads.flat.copy()
    for dcontext, dstate in ((np.ones((3, 4)), None), (np.ones((2, 4), "f"), np.ones((2, 2, 4), "f"))):
        with pytest.raises(ValueError, match=r"must have shape"):
            model.backward(dcontext, dstate, tape, grads=grads)
    np.testing.assert_array_equal(grads.flat, before)
