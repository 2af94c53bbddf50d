"""Activations with kinks or jumps, each with its derivative by the input.

At a kink, where no derivative exists, it is that of the left side, or 0 where a constant piece meets another; at a jump
likewise. A nan stays nan.
"""

import numpy as np

from npseq.activations.basic import not_positive
from npseq.backend import Array


def clipped(x: Array, low: float, high: float) -> Array:
    """Returns x between low and high, and the nearer of them elsewhere."""
    return np.where(not_positive(x - low), low, np.where(not_positive(high - x), high, x))


def within(x: Array, low: float, high: float, slope: float = 1.0) -> Array:
    """Returns the derivative of `clipped` times slope: slope where low < x < high, else 0."""
    return np.where(not_positive(x - low) | not_positive(high - x), 0.0, slope)


def leaky_relu(x: Array, alpha: float) -> Array:
    return np.where(not_positive(x), alpha * x, x)


def dleaky_relu(x: Array, alpha: float) -> Array:
    return np.where(not_positive(x), alpha, 1.0)


def relu6(x: Array) -> Array:
    return clipped(x, 0.0, 6.0)


def drelu6(x: Array) -> Array:
    return within(x, 0.0, 6.0)


def thresholded_relu(x: Array, alpha: float) -> Array:
    """Returns x where it is above alpha, else 0."""
    return np.where(not_positive(x - alpha), 0.0, x)


def dthresholded_relu(x: Array, alpha: float) -> Array:
    return np.where(not_positive(x - alpha), 0.0, 1.0)


def hard_sigmoid(x: Array, alpha: float, beta: float) -> Array:
    return clipped(alpha * x + beta, 0.0, 1.0)


def dhard_sigmoid(x: Array, alpha: float, beta: float) -> Array:
    return within(alpha * x + beta, 0.0, 1.0, alpha)


def slope_of_hard_sigmoid(y: Array, alpha: float, beta: float) -> Array:
    """Returns the derivative at y = hard_sigmoid(x), which does not need x."""
    return within(y, 0.0, 1.0, alpha)


def hard_tanh(x: Array) -> Array:
    return clipped(x, -1.0, 1.0)


def dhard_tanh(x: Array) -> Array:
    return within(x, -1.0, 1.0)


def hard_silu(x: Array) -> Array:
    return x * hard_sigmoid(x, 1 / 6, 0.5)


def dhard_silu(x: Array) -> Array:
    slope: Array = hard_sigmoid(x, 1 / 6, 0.5) + x * dhard_sigmoid(x, 1 / 6, 0.5)
    return slope


def soft_shrink(x: Array, alpha: float) -> Array:
    """Returns x less its part in [-alpha, alpha]."""
    below = np.where(not_positive(-x - alpha), 0 * x, x + alpha)
    return np.where(not_positive(x - alpha), below, x - alpha)


def hard_shrink(x: Array, alpha: float) -> Array:
    """Returns x, and 0 in [-alpha, alpha]."""
    return np.where(not_positive(x - alpha) & not_positive(-x - alpha), 0.0, x)


def dshrink(x: Array, alpha: float) -> Array:
    return np.where(not_positive(x - alpha) & not_positive(-x - alpha), 0.0, 1.0)


def sparse_sigmoid(x: Array) -> Array:
    return hard_sigmoid(x, 0.5, 0.5)


def dsparse_sigmoid(x: Array) -> Array:
    return dhard_sigmoid(x, 0.5, 0.5)


def sparse_plus(x: Array) -> Array:
    """Returns the integral of the sparse sigmoid: 0 up to -1, x from 1 on, a parabola between."""
    return np.where(not_positive(1 - x), x, np.square(clipped(x + 1, 0.0, 2.0)) / 4)
