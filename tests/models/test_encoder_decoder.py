"""The encoder, the decoder, and the gradient that runs through both."""

import numpy as np
import pytest
from models.gradients import check, check_loss
from models.seq2seq_cases import F64, SOURCE_LENGTHS, TARGET_LENGTHS, batch, small

import npseq as ns
from npseq.bptt.workspace import Workspace
from npseq.models import Decoder, Encoder, EncoderDecoder, Seq2Seq


def test_an_encoder_makes_a_state_and_a_decoder_goes_on_from_it():
    source, inputs = batch()
    model = small("lstm", layers=2)
    encoded, _ = model.encoder.forward(source, SOURCE_LENGTHS)
    state, _ = model.init_state(encoded)
    np.testing.assert_array_equal(encoded.context, state[0][-1])
    whole, last, _ = model.decoder.forward(inputs, encoded.context, state)
    np.testing.assert_array_equal(model.forward(source, inputs, SOURCE_LENGTHS)[0], whole)
    for t in range(3):
        step, state, _ = model.decoder.forward(inputs[t : t + 1], encoded.context, state)
        np.testing.assert_allclose(step[0], whole[t], rtol=1e-12)
    np.testing.assert_allclose(state, last, rtol=1e-12)


def test_any_encoder_takes_any_decoder_over_a_bridge():
    encoder = Encoder(
        ns.Embedding(4, 2, rng=1, **F64), ns.Bidirectional(ns.RNN(2, 2, rng=2, **F64), ns.GRU(2, 1, rng=3, **F64))
    )
    decoder = Decoder(ns.Embedding(5, 1, rng=4, **F64), ns.LSTM(4, 2, 2, rng=5, **F64), ns.Linear(2, 5, rng=6, **F64))
    model = EncoderDecoder(encoder, decoder, ns.Linear(3, 4, rng=7, **F64))
    source, target = batch()
    coefficients = np.random.default_rng(3).normal(size=(3, 3, 5))

    def loss(model):
        return (coefficients * model.forward(source, target, SOURCE_LENGTHS)[0]).sum()

    def gradients(model):
        return model.backward(coefficients, model.forward(source, target, SOURCE_LENGTHS)[1])

    check(model, loss, gradients)


def test_shapes_of_the_notes():
    model = Seq2Seq(10, 10, "gru", 8, 16, 2, rng=0)
    x = np.zeros((7, 4), int)
    encoded, _ = model.encoder.forward(x)
    assert encoded.outputs.shape == (7, 4, 16)
    assert encoded.state.shape == (2, 4, 16)
    logits, state, _ = model.decoder.forward(x, encoded.context, model.init_state(encoded)[0])
    assert logits.swapaxes(0, 1).shape == (4, 7, 10)
    assert state.shape == (2, 4, 16)
    lstm = Seq2Seq(10, 10, "lstm", 8, 16, 2, rng=0)
    assert [part.shape for part in lstm.encoder.forward(x)[0].state] == [(2, 4, 16), (2, 4, 16)]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def gru(p, x, h):
    """The notes' GRU with the reset gate after the product, one step."""
    r = sigmoid(x @ p["W_xr"] + h @ p["W_hr"] + p["b_r"])
    z = sigmoid(x @ p["W_xz"] + h @ p["W_hz"] + p["b_z"])
    n = np.tanh(x @ p["W_xn"] + p["b_n"] + r * (h @ p["W_hn"] + p["b_hn"]))
    return z * h + (1 - z) * n


def test_the_last_state_is_the_context_of_every_decoder_step():
    model = small(hidden=3)
    source, inputs = batch()
    p = {
        part: {k.rpartition(".")[2]: v for k, v in model.params.items() if k.startswith(part)}
        for part in ("encoder.recurrent", "decoder.recurrent")
    }
    for b, size in enumerate(SOURCE_LENGTHS):
        h = np.zeros(3)
        for token in source[:size, b]:
            h = gru(p["encoder.recurrent"], model.params["encoder.embedding.W"][token], h)
        context = h
        for t, token in enumerate(inputs[:, b]):
            x = np.concatenate([model.params["decoder.embedding.W"][token], context])
            h = gru(p["decoder.recurrent"], x, h)
            expected = h @ model.params["decoder.output.W"] + model.params["decoder.output.b"]
            np.testing.assert_allclose(model.forward(source, inputs, SOURCE_LENGTHS)[0][t, b], expected, rtol=1e-12)


def context_dropped(dcontext, dstate, grads):
    return 0 * dcontext, dstate, grads


def state_dropped(dcontext, dstate, grads):
    return dcontext, None, grads


def context_in_the_wrong_place(dcontext, dstate, grads):
    return dcontext[::-1], dstate, grads


@pytest.mark.parametrize("mutation", [context_dropped, state_dropped, context_in_the_wrong_place])
def test_a_wrong_backward_pass_is_noticed(mutation):
    model = small(layers=2)
    right = model.decoder.backward
    model.decoder.backward = lambda dlogits, tape, **buffers: mutation(*right(dlogits, tape, **buffers))
    with pytest.raises(AssertionError, match=r"encoder\.embedding\.W"):
        check_loss(model, *batch(), SOURCE_LENGTHS, TARGET_LENGTHS)


def test_the_gradient_of_the_context_adds_up_over_the_decoder_steps():
    model = small(hidden=3)
    source, inputs = batch()
    encoded, _ = model.encoder.forward(source)
    state, _ = model.init_state(encoded)
    d = np.random.default_rng(1).normal(size=(3, 3, 5))

    def value(contexts):
        """The decoder with a context of its own at every step."""
        total, s = 0.0, state
        for t in range(3):
            logits, s, _ = model.decoder.forward(inputs[t : t + 1], contexts[t], s)
            total += (d[t] * logits[0]).sum()
        return total

    contexts = np.repeat(encoded.context[None], 3, axis=0)
    by_step = np.zeros_like(contexts)
    for index in np.ndindex(contexts.shape):
        moved = [contexts.copy(), contexts.copy()]
        moved[0][index] += 1e-5
        moved[1][index] -= 1e-5
        by_step[index] = (value(moved[0]) - value(moved[1])) / 2e-5
    dcontext, _, _ = model.decoder.backward(d, model.decoder.forward(inputs, encoded.context, state)[2])
    np.testing.assert_allclose(dcontext, by_step.sum(axis=0), rtol=1e-6, atol=1e-9)
    assert (abs(by_step) > 1e-6).all()


def test_sizes_that_do_not_fit_are_refused():
    rows, gru = ns.Embedding(4, 2), ns.GRU(5, 3)
    with pytest.raises(ValueError, match=r"recurrent must take what comes before it, 2 features, but takes 5"):
        Encoder(rows, gru)
    with pytest.raises(ValueError, match=r"output must take what comes before it, 3 features, but takes 2"):
        Decoder(rows, gru, ns.Linear(2, 4))
    with pytest.raises(ValueError, match=r"recurrent must read the embedding and a context, more than 5 features"):
        Decoder(ns.Embedding(4, 5), gru, ns.Linear(3, 4))
    with pytest.raises(ValueError, match=r"recurrent must read forward only, since the rest is not written yet"):
        Decoder(rows, ns.GRU(5, 3, bidirectional=True), ns.Linear(6, 4))
    decoder = Decoder(rows, gru, ns.Linear(3, 4))
    with pytest.raises(ValueError, match=r"decoder must take what comes before it, 4 features, but takes 3"):
        EncoderDecoder(Encoder(rows, ns.GRU(2, 4)), decoder)
    with pytest.raises(ValueError, match=r"decoder's state must take what comes before it, 7 features, but takes 3"):
        EncoderDecoder(Encoder(rows, ns.GRU(2, 3)), decoder, ns.Linear(3, 7))


def test_tapes_and_gradients_may_be_handed_in_again():
    model = small("lstm", layers=2)
    (source, inputs), (other, more) = batch(), batch(seed=1)
    _, tape = model.forward(other, more)
    logits, tape = model.forward(source, inputs, SOURCE_LENGTHS, tape=tape)
    expected, fresh = model.forward(source, inputs, SOURCE_LENGTHS)
    np.testing.assert_array_equal(logits, expected)
    dlogits, workspace = np.random.default_rng(2).normal(size=logits.shape), Workspace()
    grads = model.params.like(np.full_like(model.params.flat, np.nan))
    for _ in range(2):
        assert model.backward(dlogits, tape, grads=grads, workspace=workspace) is grads
        np.testing.assert_array_equal(grads.flat, model.backward(dlogits, fresh).flat)
    assert workspace.arrays()
