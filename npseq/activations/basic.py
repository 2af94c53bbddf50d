"""Sigmoid, tanh and relu: each has a derivative that is written from its output, which is what the tape holds."""

import numpy as np

from npseq.backend import Array, one

tanh = np.tanh
add = np.add
multiply = np.multiply
COMPLEX_ZERO = 2.0**-52


def dtanh(y: Array, out: Array | None = None) -> Array:
    """Returns d tanh(x) / dx at y = tanh(x): 1 - y^2, which loses digits near 1 (docs/derivations/rnn.md)."""
    slope: Array = np.subtract(one(y), np.square(y, out=out), out=out)
    return slope


def sigmoid(x: Array, out: Array | None = None) -> Array:
    """Returns 1 / (1 + exp(-x)), which keeps its digits on both sides of 0.

    Where exp overflows the quotient is 0, as it should be; the loops over time silence the warning.
    """
    if x.dtype.kind == "c":
        return _complex_sigmoid(x, out)
    y, unit = np.negative(x, out), one(x)
    quotient: Array = np.divide(unit, add(np.exp(y, y), unit, y), y)
    return quotient


def _complex_sigmoid(x: Array, out: Array | None) -> Array:
    """The quotient by the exponential that cannot overflow, which would be nan here; analytic on either side of 0."""
    positive = x.real > 0
    e = np.exp(np.where(positive, -x, x))
    quotient: Array = np.divide(np.where(positive, 1, e), 1 + e, out=out)
    return quotient


def dsigmoid(y: Array, out: Array | None = None) -> Array:
    """Returns d sigmoid(x) / dx at y = sigmoid(x): y (1 - y)."""
    return np.subtract(y, np.square(y, out=out), out=out)


def not_positive(x: Array) -> Array:
    """Returns where x, or its real part, is 0 or below.

    The product of two imaginary parts of a complex step is a real part of the size of the step's square, which counts
    as none: a unit that is exactly at 0 stays there.
    """
    return x <= 0 if x.dtype.kind != "c" else x.real <= abs(x.imag) * COMPLEX_ZERO


def negative_part(x: Array) -> Array:
    """Returns x where it is not positive, else 0."""
    return np.where(not_positive(x), x, 0.0)


def relu(x: Array, out: Array | None = None) -> Array:
    """Returns x where its real part is positive, else 0; nan stays nan."""
    if x.dtype.kind == "c":
        return np.positive(np.where(not_positive(x), 0, x), out=out)
    return np.maximum(x, 0, out=out)


def drelu(y: Array, out: Array | None = None) -> Array:
    """Returns d relu(x) / dx at y = relu(x): 1 where positive, else 0 (also at the kink, like PyTorch)."""
    slope: Array = np.greater(y.real, 0).astype(y.dtype) if out is None else np.greater(y.real, 0, out=out)
    return slope
