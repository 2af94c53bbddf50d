"""Tests named after features share these functions, a tolerance and a text."""

from __future__ import annotations

import numpy as np

F64 = {"dtype": np.float64}
T, B, D, H = 6, 3, 4, 5


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def softmax(z):
    p = np.exp(z - z.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def close(found, expected, tolerance=1e-12):
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * max(abs(np.asarray(expected)).max(), 1e-300))


def drop_in(ids=400, size=7):
    """A periodic text, which can be learnt, and the size of its vocabulary."""
    return np.arange(ids) * 3 % size, size
