"""The context of an encoder: q of its outputs, with its gradient against a complex step."""

import numpy as np
import pytest
from models.gradients import check

import npseq as ns
from npseq.models import Encoder

IDS = np.array([[0, 1, 2], [4, 2, 2], [3, 1, 0], [1, 9, 9]])
LENGTHS = np.array([4, 3, 0])
WEIGHTS = np.random.default_rng(0).normal(size=(3, 4)), np.random.default_rng(1).normal(size=(1, 3, 4))


class Weighted:
    """q of one's own: the outputs, the later the more."""

    def forward(self, outputs, lengths):
        factors = np.arange(1.0, len(outputs) + 1)[:, None, None]
        return (outputs * factors).sum(axis=0), factors

    def backward(self, dcontext, tape):
        return tape * dcontext


def encoder(q):
    return Encoder(ns.Embedding(5, 3, dtype=np.float64, rng=0), ns.GRU(3, 4, dtype=np.float64, rng=0), q)


def test_the_mean_and_the_largest_are_those_of_a_sequences_own_steps():
    for q, function in (("mean", np.mean), ("max", np.max)):
        encoded, _ = encoder(q).forward(IDS, LENGTHS)
        for b, length in enumerate(LENGTHS):
            wanted = function(encoded.outputs[:length, b], axis=0) if length else np.zeros(4)
            np.testing.assert_allclose(encoded.context[b], wanted, rtol=1e-14)
    whole, _ = encoder("mean").forward(IDS[:3])
    np.testing.assert_allclose(whole.context, whole.outputs.mean(axis=0), rtol=1e-14)


@pytest.mark.parametrize("q", ["last", "mean", "max", Weighted()])
def test_gradients_are_those_of_a_complex_step(q):
    def loss(model):
        encoded, _ = model.forward(IDS, LENGTHS)
        return (encoded.context * WEIGHTS[0]).sum() + (encoded.state * WEIGHTS[1]).sum()

    def gradients(model):
        return model.backward(*WEIGHTS, model.forward(IDS, LENGTHS)[1])

    check(encoder(q), loss, gradients)


def test_a_decoder_learns_from_a_context_of_ones_own():
    decoder = ns.models.Decoder(
        ns.Embedding(5, 3, dtype=np.float64, rng=1), ns.GRU(7, 4, dtype=np.float64, rng=1),
        ns.Linear(4, 5, dtype=np.float64, rng=1),
    )  # fmt: skip
    contexts = []
    for q in ("last", "mean"):
        model = ns.models.EncoderDecoder(encoder(q), decoder)
        logits, tape = model.forward(IDS[:3, :2], IDS[:3, :2])
        contexts.append(model.backward(np.ones_like(logits), tape)["encoder.recurrent.W_hn"])
    assert abs(contexts[0] - contexts[1]).max() > 1e-6


@pytest.mark.parametrize(
    ("q", "error", "message"),
    [
        ("sum", ValueError, "q must be one of 'last', 'mean', 'max', got 'sum'"),
        (np.mean, TypeError, "q must be 'last', 'mean', 'max' or an object with a forward and a backward"),
        (Weighted, TypeError, "q must be 'last', 'mean', 'max' or an object"),
    ],
)
def test_what_is_no_q_is_refused(q, error, message):
    with pytest.raises(error, match=message):
        encoder(q)


def test_a_context_of_another_shape_is_refused():
    class Half(Weighted):
        def forward(self, outputs, lengths):
            return outputs[0, :, :2], None

    with pytest.raises(ValueError, match=r"q\(...\) must have shape \(3, 4\), got \(3, 2\)"):
        encoder(Half()).forward(IDS, LENGTHS)
