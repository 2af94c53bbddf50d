"""Smooth activations, and the exponential linear ones, each with its derivative by the input.

Exponentials are of what is not above 0, so that none overflows, and nothing near 1 is subtracted from 1.
"""

import math
from typing import Any

import numpy as np

from npseq.activations.basic import negative_part, not_positive, relu, sigmoid
from npseq.backend import Array, erfc

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # Klambauer et al. 2017, arXiv 1706.02515
GELU_TANH = math.sqrt(2 / math.pi), 0.044715  # Hendrycks & Gimpel 2016, arXiv 1606.08415


def modulus(x: Array) -> Array:
    """Returns |x|, analytic on either side of 0."""
    return np.where(not_positive(x), -x, x)


def log1p(x: Array) -> Array:
    """Returns log(1 + x); NumPy's own loses the digits of a small complex x."""
    return 2 * np.arctanh(x / (2 + x)) if x.dtype.kind == "c" else np.log1p(x)


def linear(x: Array) -> Array:
    return np.positive(x)


def affine(x: Array, alpha: float, beta: float) -> Array:
    return alpha * x + beta


def daffine(x: Array, alpha: float = 1.0, beta: float = 0.0) -> Any:
    return alpha


def dtanh(x: Array) -> Array:
    """Returns 1 - tanh(x)^2, with all its digits."""
    return 4 * sigmoid(2 * x) * sigmoid(-2 * x)


def scaled_tanh(x: Array, alpha: float, beta: float) -> Array:
    return alpha * np.tanh(beta * x)


def dscaled_tanh(x: Array, alpha: float, beta: float) -> Array:
    return alpha * beta * dtanh(beta * x)


def tanh_shrink(x: Array) -> Array:
    """Returns x - tanh(x); near 0 by tanh's continued fraction, x / (1 + x^2 / (3 + x^2 / (5 + ...))), as digits go."""
    small = np.where(modulus(x).real < 1, x, 1.0)
    square = np.square(small)
    rest: Any = 15.0
    for odd in (13, 11, 9, 7, 5, 3):
        rest = odd + square / rest
    k = square / rest
    return np.where(modulus(x).real < 1, small * (k / (1 + k)), x - np.tanh(x))


def dtanh_shrink(x: Array) -> Array:
    return np.square(np.tanh(x))


def softsign(x: Array) -> Array:
    squashed: Array = x / (1 + modulus(x))
    return squashed


def dsoftsign(x: Array) -> Array:
    slope: Array = 1 / np.square(1 + modulus(x))
    return slope


def softplus(x: Array) -> Array:
    """Returns log(1 + exp(x))."""
    return relu(x) + log1p(np.exp(-modulus(x)))


def slope_of_softplus(y: Array) -> Array:
    """Returns sigmoid(x) at y = softplus(x)."""
    return -np.expm1(-y)


def log_sigmoid(x: Array) -> Array:
    return -softplus(-x)


def dlog_sigmoid(x: Array) -> Array:
    return sigmoid(-x)


def slope_of_log_sigmoid(y: Array) -> Array:
    """Returns sigmoid(-x) at y = log_sigmoid(x)."""
    return -np.expm1(y)


def squareplus(x: Array, alpha: float) -> Array:
    """Returns (x + r) / 2 with r = sqrt(x^2 + alpha), in the form that cancels nothing."""
    r = np.sqrt(np.square(x) + alpha)
    return np.where(x.real > 0, (x + r) / 2, alpha / 2 / (r + modulus(x)))


def dsquareplus(x: Array, alpha: float) -> Array:
    return squareplus(x, alpha) / np.sqrt(np.square(x) + alpha)


def elu(x: Array, alpha: float) -> Array:
    return np.where(not_positive(x), alpha * np.expm1(negative_part(x)), x)


def delu(x: Array, alpha: float) -> Array:
    return np.where(not_positive(x), alpha * np.exp(negative_part(x)), 1.0)


def celu(x: Array, alpha: float) -> Array:
    return np.where(not_positive(x), alpha * np.expm1(negative_part(x) / alpha), x)


def dcelu(x: Array, alpha: float) -> Array:
    return np.exp(negative_part(x) / alpha)


def selu(x: Array) -> Array:
    return SELU_SCALE * elu(x, SELU_ALPHA)


def dselu(x: Array) -> Array:
    return SELU_SCALE * delu(x, SELU_ALPHA)


def gelu(x: Array) -> Array:
    """Returns x Phi(x), Phi the normal distribution."""
    return x * erfc(x * -math.sqrt(0.5)) / 2


def dgelu(x: Array) -> Array:
    return erfc(x * -math.sqrt(0.5)) / 2 + x * np.exp(-np.square(x) / 2) / math.sqrt(2 * math.pi)


def gelu_tanh(x: Array) -> Array:
    """Returns the approximation x (1 + tanh u) / 2 = x sigmoid(2 u), u = sqrt(2/pi) (x + 0.044715 x^3)."""
    k, cubic = GELU_TANH
    return x * sigmoid(2 * k * x * (1 + cubic * np.square(x)))


def dgelu_tanh(x: Array) -> Array:
    k, cubic = GELU_TANH
    two_u = 2 * k * x * (1 + cubic * np.square(x))
    s = sigmoid(two_u)
    return s + x * s * sigmoid(-two_u) * 2 * k * (1 + 3 * cubic * np.square(x))


def silu(x: Array) -> Array:
    return x * sigmoid(x)


def dsilu(x: Array) -> Array:
    slope: Array = sigmoid(x) * (1 + x * sigmoid(-x))
    return slope


def mish(x: Array) -> Array:
    return x * np.tanh(softplus(x))


def dmish(x: Array) -> Array:
    plus = softplus(x)
    slope: Array = np.tanh(plus) + x * dtanh(plus) * sigmoid(x)
    return slope
