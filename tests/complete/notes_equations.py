"""What the tests named after the ids of the notes share: functions, a tolerance, a text."""

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
    """A text that goes round, so that there is something to learn, and its vocabulary's size."""
    return np.arange(ids) * 3 % size, size
