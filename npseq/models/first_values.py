"""The first values of a model's parameters by name: PyTorch's, d2l's "from scratch", Keras's."""

import numpy as np

from npseq.initializers import keras, normal
from npseq.parameters import Parameters

INITIALIZERS = ("uniform", "normal", "keras")


def draw(initializer: str, params: Parameters, rng: np.random.Generator) -> None:
    """Draws the parameters of a model anew, in place; "uniform" are those that its layers have drawn already."""
    if initializer == "keras":
        keras(params, rng)
    elif initializer == "normal":
        for name, value in params.items():
            is_bias = name.rpartition(".")[2].startswith("b")
            value[...] = 0 if is_bias else normal(value.shape, rng, dtype=value.dtype)
