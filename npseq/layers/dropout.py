"""Dropout: training sets random features to zero and scales the others so that the mean stays the same."""

from typing import Any

import numpy as np

from npseq.arguments import array, flag, probability
from npseq.backend import Array, array_module, generator
from npseq.layers.layer import Layer
from npseq.magnitude import weighed
from npseq.parameters import Layout, Parameters


class Dropout(Layer):
    """y = x * k, k = 0 with probability p, else 1 / (1 - p) (Srivastava et al. 2014); y = x outside training.

    Args:
        p: the probability of zero, in [0, 1).
        rng: seed or Generator of the masks.

    Raises:
        ValueError: if p is out of range.

    Example:
        >>> ns.Dropout(0.5, rng=0).forward(np.ones(4), training=True)[0]
        array([2., 0., 0., 0.])
    """

    def __init__(self, p: float, rng: Any = None):
        self.p = probability("p", p)
        self.rng = generator(rng)
        self.params = Parameters(Layout({}, {}), np.zeros(0, np.float32))

    def forward(self, x: Array, *, training: bool = False) -> tuple[Array, Array | None]:
        """Returns y, shaped as x, and the mask k, None where nothing was dropped.

        Args:
            x: an array of floating or complex numbers, of any shape.
            training: whether anything is dropped.
        """
        if array("x", x).dtype.kind not in "fc":
            raise TypeError(f"x must be floating or complex, got {x.dtype}")
        if not flag("training", training) or not self.p:
            return x, None
        mask = self.draw(x)
        return weighed(array_module(x), x, mask), mask

    def backward(
        self, dy: Array, tape: Array | None, *, grads: Any = None, workspace: Any = None
    ) -> tuple[Array, Parameters]:
        """Returns dx, and grads, which are empty.

        Args:
            dy: the loss's derivative by y.
            tape: the mask that forward returned.
            grads: not needed here; every layer takes it.
            workspace: not needed here.
        """
        xp = array_module(array("dy", dy), tape=tape)
        if tape is not None and (tape.shape != dy.shape or tape.dtype.kind != "f"):
            raise ValueError(f"tape must be the mask that forward returned, as dy, {dy.shape}, got {tape.shape}")
        return (dy if tape is None else weighed(xp, dy, tape)), self.params

    def draw(self, x: Array, keep: float | None = None) -> Array:
        """Draws a mask for x, on the host.

        Args:
            x: the array that is to be multiplied by it.
            keep: None for dropout's own mask, else the probability of 1 in a mask of 1 and 0.
        """
        drawn = self._uniform(array("x", x).shape)
        mask = (drawn >= self.p) / (1 - self.p) if keep is None else drawn < keep
        moved: Array = array_module(x).asarray(mask, dtype=x.real.dtype)
        return moved

    def _uniform(self, shape: tuple[int, ...]) -> np.ndarray:
        """Numbers in [0, 1), on the host."""
        return self.rng.random(shape)

    def __repr__(self) -> str:
        return f"Dropout({self.p})"
