"""What a tagger and a classifier share, and their training steps, which write over what the last one left."""

import copy
import pickle

import numpy as np
import pytest
from models.gradients import check_loss
from models.sequence_cases import F64, KINDS, embedding, layers

import npseq as ns
from npseq.models import Classifier, Tagger

D, H, K = 3, 4, 5
RECURRENT = {
    "rnn": lambda: ns.RNN(D, H, 2, dtype=np.float64, rng=0),
    "gru": lambda: ns.GRU(D, H, bidirectional=True, dtype=np.float64, rng=0),
    "gru before": lambda: ns.GRU(D, H, reset="before", dtype=np.float64, rng=0),
    "lstm": lambda: ns.LSTM(D, H, 2, proj_size=2, dtype=np.float64, rng=0),
    "two kinds": lambda: ns.Bidirectional(ns.RNN(D, H, dtype=np.float64, rng=0), ns.GRU(D, 2, dtype=np.float64, rng=1)),
}
SHAPES = [(6, 3, None), (6, 3, [6, 2, 4]), (6, 3, [1, 0, 6]), (6, 3, None), (4, 2, [4, 3]), (6, 1, None), (6, 3, None)]


def batches(kind, embedded):
    rng = np.random.default_rng(0)
    for steps, batch, lengths in SHAPES:
        x = rng.integers(7, size=(steps, batch)) if embedded else rng.normal(size=(steps, batch, D))
        targets = rng.integers(K, size=(steps, batch) if kind is Tagger else batch)
        yield x, targets, None if lengths is None else np.array(lengths)


def model_of(kind, recurrent, embedded):
    embedding = ns.Embedding(7, D, dtype=np.float64, rng=2) if embedded else None
    return kind(RECURRENT[recurrent](), K, embedding=embedding, rng=3)


@pytest.mark.parametrize("kind", [Tagger, Classifier])
@pytest.mark.parametrize("recurrent", RECURRENT)
@pytest.mark.parametrize("embedded", [False, True], ids=["features", "ids"])
def test_steps_are_those_of_loss(kind, recurrent, embedded):
    model, other = (model_of(kind, recurrent, embedded) for _ in range(2))
    first, second = ns.Adam(0.1), ns.Adam(0.1)
    for batch in batches(kind, embedded):
        loss, norm, _ = model.step(*batch, optimizer=first, clip=0.5)
        expected, grads = other.loss(*batch)
        assert (loss, norm) == (expected, ns.clip_grad_norm(grads, 0.5))
        second.step(other.params, grads)
        np.testing.assert_array_equal(model.params.flat, other.params.flat)


@pytest.mark.parametrize("of", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_of_a_trained_model_has_buffers_of_its_own(of):
    model = model_of(Tagger, "gru", True)
    (x, targets, _), *_ = batches(Tagger, True)
    model.step(x, targets, optimizer=ns.SGD(0.1))
    twin = of(model)
    before = model.loss(x, targets)[1].flat.copy()
    twin.step(x[::-1].copy(), targets, optimizer=ns.SGD(0.0))
    model.step(x, targets, optimizer=ns.SGD(0.0))
    np.testing.assert_array_equal(model.loss(x, targets)[1].flat, before)


def test_gradients_of_loss_are_the_users():
    model = model_of(Tagger, "lstm", False)
    (x, targets, _), *_ = batches(Tagger, False)
    grads = model.loss(x, targets)[1]
    kept = grads.flat.copy()
    model.step(2 * x, targets, optimizer=ns.SGD(0.0))
    model.loss(3 * x, targets)
    np.testing.assert_array_equal(grads.flat, kept)


def test_a_step_always_trains():
    model = model_of(Tagger, "rnn", False)
    (x, targets, _), *_ = batches(Tagger, False)
    for option in ("training", "old"):
        with pytest.raises(TypeError, match=option):
            model.step(x, targets, optimizer=ns.SGD(0.0), **{option: None})


@pytest.mark.parametrize("model_type", [Tagger, Classifier])
def test_gradients_for_one_hot_ids_and_rows_of_padding(model_type):
    rng = np.random.default_rng(5)
    ids, lengths = rng.integers(1, 5, (4, 3)), np.array([2, 4, 0])
    ids[2:, 0] = ids[:, 2] = 0
    targets = rng.integers(0, 3, (4, 3) if model_type is Tagger else 3)
    check_loss(model_type(layers(5)["lstm"], 3, rng=4), ids, targets, lengths)
    padded = model_type(layers(2)["gru"], 3, embedding=embedding(), rng=4)
    grads = padded.loss(ids, targets, lengths)[1]
    assert not grads["embedding.W"][0].any()
    assert grads["embedding.W"][1:].any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model_type", [Tagger, Classifier])
def test_a_padded_unsorted_batch_gives_what_each_sequence_gives_alone(kind, model_type):
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
    loss, norm, _ = model.step(np.ones((3, 2), int), np.ones((3, 2), int), optimizer=ns.SGD(1.0), clip=0.1)
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
