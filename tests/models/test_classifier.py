"""A label for a whole sequence."""

import numpy as np
import pytest
from models.gradients import check_loss
from models.sequence_cases import F64, KINDS, elman, layers, softmax

import npseq as ns
from npseq.models import Classifier


def test_many_to_one_reads_the_last_step_of_each_sequence():
    model = Classifier(ns.RNN(4, 3, rng=0, **F64), 3, rng=1)
    rng = np.random.default_rng(0)
    x, targets, lengths = rng.normal(size=(6, 4, 4)), np.array([0, 2, 1, 2]), np.array([6, 1, 4, 0])
    h = np.concatenate([np.zeros((1, 4, 3)), elman(model.params, x)])
    p = softmax(h[lengths, np.arange(4)] @ model.params["output.W"] + model.params["output.b"])
    expected = -np.log(p[np.arange(4), targets])
    assert model.loss(x, targets, lengths)[0] == pytest.approx(expected.mean(), rel=1e-13)
    np.testing.assert_array_equal(model.predict(x, lengths), p.argmax(axis=1))


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_a_classifier_with_an_embedding(kind):
    rng = np.random.default_rng(5)
    ids, lengths = rng.integers(1, 5, (4, 3)), np.array([2, 4, 0])
    model = Classifier(layers(2)[kind], 3, embedding=ns.Embedding(5, 2, rng=3, **F64), rng=4)
    check_loss(model, ids, rng.integers(0, 3, 3), lengths)
    binary = Classifier(layers(2)[kind], 2, loss="binary", embedding=ns.Embedding(5, 2, rng=3, **F64), rng=4)
    check_loss(binary, ids, rng.integers(0, 2, (3, 2)), lengths, reduction="sum")
