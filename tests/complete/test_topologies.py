from __future__ import annotations

import numpy as np
import pytest
from model_gradients import check, check_loss, value

import npseq as ns
from npseq.models import Classifier, SequenceGenerator, Tagger

F64 = {"dtype": np.float64}


def layers(inputs):
    """Recurrent layers of every kind."""
    return {
        "rnn": ns.RNN(inputs, 3, rng=1, **F64),
        "gru": ns.GRU(inputs, 2, 2, reset="before", rng=1, **F64),
        "lstm": ns.LSTM(inputs, 2, 2, bidirectional=True, rng=1, **F64),
        "peephole": ns.LSTM(inputs, 3, peepholes=True, proj_size=2, rng=1, **F64),
        "two widths": ns.Bidirectional(ns.GRU(inputs, 2, rng=1, **F64), ns.LSTM(inputs, 1, 2, rng=2, **F64)),
    }


KINDS = list(layers(1))


def embedding(count=5, dim=2):
    return ns.Embedding(count, dim, padding_idx=0, rng=3, **F64)


def softmax(z):
    p = np.exp(z - z.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def elman(params, x):
    """h_t (T, B, H) by the notes' equation."""
    h, found = np.zeros((x.shape[1], params["recurrent.W_hh"].shape[0])), []
    for step in x:
        h = np.tanh(step @ params["recurrent.W_xh"] + h @ params["recurrent.W_hh"] + params["recurrent.b_h"])
        found.append(h)
    return np.array(found)


def test_A23_one_to_one_is_a_network_without_time():
    model = Tagger(ns.RNN(4, 3, rng=0, **F64), 2, rng=1)
    x = np.random.default_rng(0).normal(size=(1, 5, 4))
    p = model.params
    expected = np.tanh(x @ p["recurrent.W_xh"] + p["recurrent.b_h"]) @ p["output.W"] + p["output.b"]
    np.testing.assert_allclose(model.forward(x)[0], expected, rtol=1e-13)


def test_A23_many_to_many_has_a_label_for_every_step():
    model = Tagger(ns.RNN(4, 3, rng=0, **F64), 2, rng=1)
    rng = np.random.default_rng(0)
    x, targets = rng.normal(size=(6, 5, 4)), rng.integers(0, 2, (6, 5))
    p = softmax(elman(model.params, x) @ model.params["output.W"] + model.params["output.b"])
    losses = -np.log(np.take_along_axis(p, targets[..., None], 2))[..., 0]
    assert model.loss(x, targets)[0] == pytest.approx(losses.mean(), rel=1e-13)
    assert model.loss(x, targets, reduction="sum")[0] == pytest.approx(losses.sum(), rel=1e-13)
    np.testing.assert_array_equal(model.predict(x), p.argmax(axis=2))


def test_A23_many_to_one_reads_the_last_step_of_each_sequence():
    model = Classifier(ns.RNN(4, 3, rng=0, **F64), 3, rng=1)
    rng = np.random.default_rng(0)
    x, targets, lengths = rng.normal(size=(6, 4, 4)), np.array([0, 2, 1, 2]), np.array([6, 1, 4, 0])
    h = np.concatenate([np.zeros((1, 4, 3)), elman(model.params, x)])
    p = softmax(h[lengths, np.arange(4)] @ model.params["output.W"] + model.params["output.b"])
    expected = -np.log(p[np.arange(4), targets])
    assert model.loss(x, targets, lengths)[0] == pytest.approx(expected.mean(), rel=1e-13)
    np.testing.assert_array_equal(model.predict(x, lengths), p.argmax(axis=1))


def test_A23_losses_at_any_subset_of_steps():
    model = Tagger(ns.RNN(4, 3, rng=0, **F64), 2, rng=1)
    rng = np.random.default_rng(0)
    x, targets = rng.normal(size=(6, 5, 4)), rng.integers(0, 2, (6, 5))
    weights = np.zeros((6, 5))
    weights[[2, 5]] = 1
    p = softmax(elman(model.params, x) @ model.params["output.W"] + model.params["output.b"])
    losses = -np.log(np.take_along_axis(p, targets[..., None], 2))[..., 0]
    assert model.loss(x, targets, weights=weights)[0] == pytest.approx(losses[[2, 5]].mean(), rel=1e-13)
    late = x.copy()
    late[5] += 1
    weights[5] = 0
    assert model.loss(late, targets, weights=weights)[0] == model.loss(x, targets, weights=weights)[0]


def test_A23_binary_labels_are_a_sigmoid_each():
    model = Tagger(ns.RNN(4, 3, rng=0, **F64), 2, loss="binary", rng=1)
    rng = np.random.default_rng(0)
    x, targets, lengths = rng.normal(size=(3, 2, 4)), rng.integers(0, 2, (3, 2, 2)), np.array([3, 1])
    p = 1 / (1 + np.exp(-(elman(model.params, x) @ model.params["output.W"] + model.params["output.b"])))
    losses = -targets * np.log(p) - (1 - targets) * np.log(1 - p)
    losses[1:, 1] = 0
    assert model.loss(x, targets, lengths, reduction="sum")[0] == pytest.approx(losses.sum(), rel=1e-13)
    assert model.loss(x, targets, lengths)[0] == pytest.approx(losses.sum() / 8, rel=1e-13)
    np.testing.assert_array_equal(model.predict(x), p > 0.5)


@pytest.mark.parametrize(("kind", "loss"), [*((kind, "softmax") for kind in KINDS), ("two widths", "binary")])
def test_A23_gradients_of_a_tagger(kind, loss):
    rng = np.random.default_rng(5)
    lengths = np.array([2, 4, 0])
    model = Tagger(layers(2)[kind], 3, loss=loss, rng=4)
    shape = (4, 3) if loss == "softmax" else (4, 3, 3)
    targets = rng.integers(0, 3 if loss == "softmax" else 2, shape)
    weights = rng.random((4, 3))
    x = rng.normal(size=(4, 3, 2))

    def total(model, x):
        return value(model, x, targets, lengths, weights=weights)

    def gradients(model, x):
        logits, tape = model.forward(x, lengths)
        positions = weights * (np.arange(4)[:, None] < lengths)
        if loss == "binary":
            _, dlogits = ns.binary_cross_entropy(logits, targets, positions[..., None])
        else:
            _, dlogits = ns.softmax_cross_entropy(logits, targets, weights=positions)
        dx, grads = model.backward(dlogits, tape)
        assert not dx[2:, 0].any()
        assert not dx[:, 2].any()
        np.testing.assert_array_equal(grads.flat, model.loss(x, targets, lengths, weights=weights)[1].flat)
        return {**grads, "x": dx}

    check(model, total, gradients, x=x)


@pytest.mark.parametrize("kind", KINDS)
def test_A23_gradients_of_a_classifier_with_an_embedding(kind):
    rng = np.random.default_rng(5)
    ids, lengths = rng.integers(1, 5, (4, 3)), np.array([2, 4, 0])
    model = Classifier(layers(2)[kind], 3, embedding=ns.Embedding(5, 2, rng=3, **F64), rng=4)
    check_loss(model, ids, rng.integers(0, 3, 3), lengths)
    binary = Classifier(layers(2)[kind], 2, loss="binary", embedding=ns.Embedding(5, 2, rng=3, **F64), rng=4)
    check_loss(binary, ids, rng.integers(0, 2, (3, 2)), lengths, reduction="sum")


@pytest.mark.parametrize("model_type", [Tagger, Classifier])
def test_A23_gradients_for_one_hot_ids_and_rows_of_padding(model_type):
    rng = np.random.default_rng(5)
    ids, lengths = rng.integers(1, 5, (4, 3)), np.array([2, 4, 0])
    ids[2:, 0] = ids[:, 2] = 0
    targets = rng.integers(0, 3, (4, 3) if model_type is Tagger else 3)
    check_loss(model_type(layers(5)["lstm"], 3, rng=4), ids, targets, lengths)
    padded = model_type(layers(2)["gru"], 3, embedding=embedding(), rng=4)
    grads = padded.loss(ids, targets, lengths)[1]
    assert not grads["embedding.W"][0].any()
    assert grads["embedding.W"][1:].any()


@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_A23_gradients_of_one_to_many(kind, num_layers):
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


def test_A23_one_to_many_reads_its_own_words():
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
def test_A23_one_to_many_has_the_loss_that_cs231n_publishes(cell, expected, ends):
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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model_type", [Tagger, Classifier])
def test_A58_a_padded_unsorted_batch_gives_what_each_sequence_gives_alone(kind, model_type):
    rng = np.random.default_rng(5)
    lengths = np.array([3, 6, 0, 1, 5])
    x, targets = rng.normal(size=(6, 5, 2)), rng.integers(0, 3, (6, 5) if model_type is Tagger else 5)
    model = model_type(layers(2)[kind], 3, rng=4)
    logits, _ = model.forward(x, lengths)
    loss, grads = model.loss(x, targets, lengths, reduction="sum")
    alone_loss, alone_grads = 0.0, np.zeros_like(grads.flat)
    for b, size in enumerate(lengths):
        own = targets[:size, b : b + 1] if model_type is Tagger else targets[b : b + 1]
        alone, _ = model.forward(x[:size, b : b + 1])
        there = logits[:size, b] if model_type is Tagger else logits[b]
        np.testing.assert_allclose(there, alone[:, 0] if model_type is Tagger else alone[0], rtol=0, atol=1e-12)
        part, dpart = model.loss(x[:size, b : b + 1], own, reduction="sum")
        alone_loss, alone_grads = alone_loss + part, alone_grads + dpart.flat
    assert loss == pytest.approx(alone_loss, rel=1e-12)
    np.testing.assert_allclose(grads.flat, alone_grads, rtol=0, atol=1e-12)


def test_a_model_leaves_the_layers_it_is_made_of_alone():
    recurrent, rows = ns.GRU(2, 3, rng=0), ns.Embedding(5, 2, rng=1)
    before = recurrent.params.flat.copy(), rows.params.flat.copy()
    model = Tagger(recurrent, 4, embedding=rows, rng=2)
    loss, norm = model.step(np.ones((3, 2), int), np.ones((3, 2), int), optimizer=ns.SGD(1.0), clip=0.1)
    assert norm > 0.1
    np.testing.assert_array_equal(recurrent.params.flat, before[0])
    np.testing.assert_array_equal(rows.params.flat, before[1])
    assert model.recurrent.params.flat.base is not None
    assert model.loss(np.ones((3, 2), int), np.ones((3, 2), int))[0] < loss
    assert "Tagger(embedding=Embedding(5, 2" in repr(model)


def test_what_does_not_fit_is_refused():
    recurrent = ns.GRU(2, 3)
    with pytest.raises(ValueError, match=r"loss must be one of 'softmax', 'binary', got 'hinge'"):
        Tagger(recurrent, 2, loss="hinge")
    with pytest.raises(ValueError, match=r"embedding must have the recurrent layer's 2 inputs as its dim, got 4"):
        Tagger(recurrent, 2, embedding=ns.Embedding(5, 4))
    with pytest.raises(ValueError, match=r"all layers of a model must have one dtype, got \['float32', 'float64'\]"):
        Tagger(recurrent, 2, embedding=ns.Embedding(5, 2, **F64))
    model = Tagger(recurrent, 2)
    x = np.zeros((3, 2, 2), np.float32)
    with pytest.raises(ValueError, match=r"weights must have one entry a position, \(3, 2\), got \(2, 3\)"):
        model.loss(x, np.zeros((3, 2), int), weights=np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"reduction must be one of 'mean', 'sum', got 'none'"):
        model.loss(x, np.zeros((3, 2), int), reduction="none")
    with pytest.raises(ValueError, match=r"embedding must have the recurrent layer's 2 inputs as its dim, got 4"):
        SequenceGenerator(3, ns.Embedding(5, 4), recurrent)
    both = ns.GRU(2, 3, bidirectional=True)
    with pytest.raises(ValueError, match=r"recurrent must read forward only, since what it generates is not there yet"):
        SequenceGenerator(3, ns.Embedding(5, 2), both)
    with pytest.raises(ValueError, match=r"recurrent must read forward only"):
        SequenceGenerator(3, ns.Embedding(5, 2), ns.Bidirectional(recurrent, recurrent))
