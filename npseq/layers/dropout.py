"""Dropout: training sets random features to zero and scales the others so that the mean stays the same."""

from typing import Any

import numpy as np

from npseq.arguments import array, flag, probability
from npseq.backend import Array, array_module, generator
from npseq.layers.layer import Layer
from npseq.parameters import Layout, Parameters


class Dropout(Layer):
    """y = x * k, k = 0 with probability p, else 1 / (1 - p) (Srivastava et al. 2014); y = x outside training."""

    def __init__(self, p: float, rng: Any = None):
        self.p = probability("p", p)
        self.rng = generator(rng)
        self.params = Parameters(Layout({}, {}), np.zeros(0, np.float32))

    def forward(self, x: Array, *, training: bool = False) -> tuple[Array, Array | None]:
        """y shaped as x, and the mask k, or None where nothing was dropped."""
        if array("x", x).dtype.kind not in "fc":
            raise TypeError(f"x must be floating or complex, got {x.dtype}")
        if not flag("training", training) or not self.p:
            return x, None
        mask = self.draw(x)
        return x * mask, mask

    def backward(
        self, dy: Array, tape: Array | None, *, grads: Any = None, workspace: Any = None
    ) -> tuple[Array, Parameters]:
        """dx, and grads, which are empty."""
        return (dy if tape is None else dy * tape), self.params

    def draw(self, x: Array) -> Array:
        """Factors for x, drawn on the host."""
        mask = (self.rng.random(x.shape) >= self.p) / (1 - self.p)
        return array_module(x).asarray(mask, dtype=x.real.dtype)

    def __repr__(self) -> str:
        return f"Dropout({self.p})"
