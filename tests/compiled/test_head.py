"""The compiled output layer and its loss are those of the layers that they stand for."""

from __future__ import annotations

import numpy as np
import pytest

import npseq as ns

pytest.importorskip("numba", reason="the extra `fast` is not installed")

from npseq.compiled.head import head_of, within


def test_loss_and_gradients_are_those_of_the_layers():
    rng = np.random.default_rng(0)
    h, W, b, targets = rng.normal(size=(7, 5)), rng.normal(size=(5, 6)), rng.normal(size=6), rng.integers(0, 6, 7)
    h[0] *= 1e3  # logits whose exponentials overflow
    expected, dlogits = ns.softmax_cross_entropy(h @ W + b, targets)
    z, dh, dW, db = np.empty((7, 6)), np.empty((7, 5)), np.empty((5, 6)), np.empty(6)
    assert head_of(np.dtype(np.float64))(h, W, b, targets, z, dh, dW, db) == pytest.approx(float(expected), rel=1e-13)
    for found, exact in ((z, dlogits), (dh, dlogits @ W.T), (dW, h.T @ dlogits), (db, dlogits.sum(axis=0))):
        np.testing.assert_allclose(found, exact, rtol=1e-11, atol=1e-14)


def test_ids_are_within_a_vocabulary_or_not():
    assert within(np.array([0, 5]), 6)
    assert not within(np.array([0, 6]), 6)
    assert not within(np.array([-1, 0]), 6)
