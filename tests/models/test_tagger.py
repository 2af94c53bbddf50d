"""A label for every step."""

import numpy as np
import pytest
from models.gradients import check, value
from models.sequence_cases import F64, KINDS, elman, layers, softmax

import npseq as ns
from npseq.models import Tagger


def test_one_to_one_is_a_network_without_time():
    model = Tagger(ns.RNN(4, 3, rng=0, **F64), 2, rng=1)
    x = np.random.default_rng(0).normal(size=(1, 5, 4))
    p = model.params
    expected = np.tanh(x @ p["recurrent.W_xh"] + p["recurrent.b_h"]) @ p["output.W"] + p["output.b"]
    np.testing.assert_allclose(model.forward(x)[0], expected, rtol=1e-13)


def test_many_to_many_has_a_label_for_every_step():
    model = Tagger(ns.RNN(4, 3, rng=0, **F64), 2, rng=1)
    rng = np.random.default_rng(0)
    x, targets = rng.normal(size=(6, 5, 4)), rng.integers(0, 2, (6, 5))
    p = softmax(elman(model.params, x) @ model.params["output.W"] + model.params["output.b"])
    losses = -np.log(np.take_along_axis(p, targets[..., None], 2))[..., 0]
    assert model.loss(x, targets)[0] == pytest.approx(losses.mean(), rel=1e-13)
    assert model.loss(x, targets, reduction="sum")[0] == pytest.approx(losses.sum(), rel=1e-13)
    np.testing.assert_array_equal(model.predict(x), p.argmax(axis=2))


def test_losses_at_any_subset_of_steps():
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


def test_binary_labels_are_a_sigmoid_each():
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
def test_gradients_of_a_tagger(kind, loss):
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
            _, dlogits = ns.binary_cross_entropy(logits, targets, weights=positions[..., None])
        else:
            _, dlogits = ns.softmax_cross_entropy(logits, targets, weights=positions)
        dx, grads = model.backward(dlogits, tape)
        assert not dx[2:, 0].any()
        assert not dx[:, 2].any()
        np.testing.assert_array_equal(grads.flat, model.loss(x, targets, lengths, weights=weights)[1].flat)
        return {**grads, "x": dx}

    check(model, total, gradients, x=x)
