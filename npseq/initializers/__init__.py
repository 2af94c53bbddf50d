"""Initializers draw the first values of parameters; `keras`, `forget_bias` and `chrono` set those of a whole layer."""

from npseq.initializers.keras import keras
from npseq.initializers.values import (
    chrono,
    constant,
    forget_bias,
    identity,
    normal,
    orthogonal,
    uniform_sqrt_hidden,
    xavier_normal,
    xavier_uniform,
    zeros,
)

glorot_uniform, glorot_normal = xavier_uniform, xavier_normal  # as Keras calls them

__all__ = [
    "chrono",
    "constant",
    "forget_bias",
    "glorot_normal",
    "glorot_uniform",
    "identity",
    "keras",
    "normal",
    "orthogonal",
    "uniform_sqrt_hidden",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]
