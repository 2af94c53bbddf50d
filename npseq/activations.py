"""The activations, and each derivative written from the activation's own output, which is what the tape keeps.

NumPy's ufuncs hand a CuPy array to CuPy by themselves, so these lines serve both; they hold for complex numbers too.
"""

from __future__ import annotations

import numpy as np

from npseq.backend import Array, one_half

tanh = np.tanh
add = np.add
multiply = np.multiply


def dtanh(y: Array) -> Array:
    """d tanh(x) / dx at y = tanh(x): 1 - y^2."""
    return 1 - y * y


def sigmoid(x: Array, out: Array | None = None) -> Array:
    """1 / (1 + exp(-x)) as (1 + tanh(x / 2)) / 2: no overflow at either end, and analytic, so a complex step passes."""
    half = one_half(x)
    y = multiply(x, half, out)
    return add(multiply(tanh(y, y), half, y), half, y)


def dsigmoid(y: Array, out: Array | None = None) -> Array:
    """d sigmoid(x) / dx at y = sigmoid(x): y (1 - y)."""
    return np.subtract(y, np.multiply(y, y, out=out), out=out)


def relu(x: Array, out: Array | None = None) -> Array:
    """x where its real part is positive, else 0."""
    return np.multiply(x, x.real > 0, out=out)


def drelu(y: Array) -> Array:
    """d relu(x) / dx at y = relu(x): 1 where positive, else 0 (also at the kink, as PyTorch has it)."""
    return (y.real > 0).astype(y.dtype)
