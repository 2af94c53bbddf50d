"""A sequence from one vector."""

import numpy as np
import pytest
from models.gradients import check, value
from models.sequence_cases import F64

import npseq as ns
from npseq.models import SequenceGenerator


@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_gradients_of_one_to_many(kind, num_layers):
    rng = np.random.default_rng(5)
    cell = {"rnn": ns.RNN, "gru": ns.GRU, "lstm": ns.LSTM}[kind]
    model = SequenceGenerator(3, ns.Embedding(5, 2, rng=3, **F64), cell(2, 2, num_layers, rng=1, **F64), rng=4)
    ids, targets, lengths = rng.integers(0, 5, (4, 3)), rng.integers(0, 5, (4, 3)), np.array([4, 0, 2])

    def gradients(model, v):
        logits, tape = model.forward(v, ids)
        weights = (np.arange(4)[:, None] < lengths) / 1.0
        dv, grads = model.backward(ns.softmax_cross_entropy(logits, targets, weights=weights)[1], tape)
        assert not dv[1].any()
        return {**grads, "v": dv}

    check(model, lambda m, v: value(m, v, ids, targets, lengths), gradients, v=rng.normal(size=(3, 3)))


def test_one_to_many_reads_its_own_words():
    model = SequenceGenerator(3, ns.Embedding(6, 4, rng=3, **F64), ns.LSTM(4, 8, 2, rng=1, **F64), rng=4)
    model.params.flat[:] *= 4
    v = np.random.default_rng(0).normal(size=(2, 3))
    for row, given in zip(model.generate(v, first=1, length=7), v, strict=True):
        inputs = np.append(1, row[:-1])[:, None]
        np.testing.assert_array_equal(model.forward(given[None], inputs)[0][:, 0].argmax(axis=1), row)
    whole = model.generate(v, 1, 7)
    stop = int(whole[0][3])
    stopped = model.generate(v, 1, 7, stop=stop)
    np.testing.assert_array_equal(stopped[0], whole[0][: list(whole[0]).index(stop)])
    drawn = [model.generate(v, 1, 7, temperature=1.0, rng=2)[0].tolist() for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert model.generate(v, 1, 0)[0].tolist() == []


@pytest.mark.parametrize(("cell", "expected", "ends"), [("rnn", 9.83235591003, 0.3), ("lstm", 9.82445935443, 1.7)])
def test_one_to_many_has_the_loss_that_cs231n_publishes(cell, expected, ends):
    """CaptioningRNN with all parameters linspace(-1.4, 1.3); words are 0, padding, 1 and 2."""
    N, D, W, H, T, V = 10, 20, 30, 40, 13, 3
    gates = {"rnn": "h", "lstm": "ifog"}[cell]
    recurrent = {"rnn": ns.RNN, "lstm": ns.LSTM}[cell](W, H, **F64)
    model = SequenceGenerator(D, ns.Embedding(V, W, **F64), recurrent)

    def line(*shape):
        return np.linspace(-1.4, 1.3, np.prod(shape)).reshape(shape)

    wide = {"W_x": line(W, len(gates) * H), "W_h": line(H, len(gates) * H), "b_": line(len(gates) * H)}
    for name, block in wide.items():
        for g, gate in enumerate(gates):
            model.params[f"recurrent.{name}{gate}"] = block[..., g * H : (g + 1) * H]
    for name in ("start.W", "start.b", "embedding.W", "output.W", "output.b"):
        model.params[name] = line(*model.params[name].shape)
    features = np.linspace({"rnn": -1.5, "lstm": -0.5}[cell], ends, N * D).reshape(N, D)
    captions = (np.arange(N * T) % V).reshape(N, T).T
    inputs, targets = captions[:-1], captions[1:]
    logits, _ = model.forward(features, inputs)
    loss, _ = ns.softmax_cross_entropy(logits, targets, ignore_index=0, reduction="sum")
    assert loss / N == pytest.approx(expected, abs=1e-10)


def test_what_does_not_fit_is_refused():
    recurrent, both = ns.GRU(2, 3), ns.GRU(2, 3, bidirectional=True)
    with pytest.raises(ValueError, match=r"embedding must have the recurrent layer's 2 inputs as its dim, got 4"):
        SequenceGenerator(3, ns.Embedding(5, 4), recurrent)
    with pytest.raises(ValueError, match=r"recurrent must read forward only, since the rest is not written yet"):
        SequenceGenerator(3, ns.Embedding(5, 2), both)
    with pytest.raises(ValueError, match=r"recurrent must read forward only"):
        SequenceGenerator(3, ns.Embedding(5, 2), ns.Bidirectional(recurrent, recurrent))
    model = SequenceGenerator(3, ns.Embedding(5, 2), recurrent)
    with pytest.raises(ValueError, match="length must be an integer of at least 0, got -1"):
        model.generate(np.zeros((1, 3), "f"), 0, -1)
    with pytest.raises(ValueError, match=r"v must be finite, got nan at \[0, 0\]; fill in what is missing"):
        model.fit((np.full((1, 3), np.nan), np.zeros((2, 1), int), np.zeros((2, 1), int)))
