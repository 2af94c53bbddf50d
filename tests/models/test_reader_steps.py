"""A training step writes over what the last one left: the numbers are those of steps that begin with nothing."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

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
        loss, norm = model.step(*batch, optimizer=first, clip=0.5)
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
