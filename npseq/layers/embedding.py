"""The embedding layer: rows of a table, looked up by token id."""

from typing import Any

import numpy as np

from npseq.arguments import array, float_dtype, integer, integers
from npseq.backend import Array, array_module, generator, scatter_add
from npseq.initializers import normal
from npseq.layers.batch import check_array
from npseq.layers.layer import Layer
from npseq.magnitude import blank
from npseq.parameters import Parameters, simple_layout


class Embedding(Layer):
    """Looks up rows of W (num_embeddings, dim), which start from N(0, 1), as in PyTorch.

    Args:
        num_embeddings: how many ids there are.
        dim: the features of a row.
        padding_idx: an id whose row is zero and has no gradient.
        dtype: of the parameters.
        rng: seed or Generator of the initial values.

    Raises:
        TypeError, ValueError: if a size or padding_idx does not hold.

    Example:
        >>> ns.Embedding(10, 3, rng=0).forward(np.array([[1, 2], [9, 0]]))[0].shape
        (2, 2, 3)
    """

    def __init__(
        self, num_embeddings: int, dim: int, padding_idx: int | None = None, *, dtype: Any = np.float32, rng: Any = None
    ):
        self.num_embeddings = integer("num_embeddings", num_embeddings)
        self.dim = integer("dim", dim)
        self.padding_idx = None if padding_idx is None else integer("padding_idx", padding_idx, 0, self.num_embeddings)
        layout = simple_layout({"W": (self.num_embeddings, self.dim)})
        self.params = Parameters(layout, normal((layout.size,), generator(rng), float_dtype(dtype), std=1.0))
        if padding_idx is not None:
            self.params["W"][self.padding_idx] = 0

    def forward(self, ids: Array) -> tuple[Array, Array]:
        """Returns rows (..., dim), and the tape.

        Args:
            ids: integers of any shape. On the host one out of range raises ValueError; a device is not waited for.
        """
        array_module(self.params.flat, array("ids", ids))
        return self.params["W"][integers("ids", ids, self.num_embeddings)], ids.copy()

    def backward(
        self, dy: Array, tape: Array, *, grads: Parameters | None = None, workspace: Any = None
    ) -> tuple[None, Parameters]:
        """Returns None, since ids have no derivative, and the gradients; repeated ids add up in a fixed order.

        Args:
            dy: (..., dim), the loss's derivative by the rows.
            tape: the ids that forward returned.
            grads: a training loop's own, written over.
            workspace: not needed here; every layer takes it.
        """
        array_module(self.params.flat, array("tape", tape))
        ids = integers("tape", tape, self.num_embeddings)
        check_array("dy", dy, (*ids.shape, self.dim), self.dtype, array_module(self.params.flat))
        grads = self._buffers_of(grads, workspace)
        grads.flat[...] = 0
        if self.padding_idx is not None:
            dy = blank(array_module(dy), dy, (ids != self.padding_idx)[..., None])
        scatter_add(grads["W"], ids.reshape(-1), dy.reshape(-1, self.dim))
        return None, grads

    def __repr__(self) -> str:
        return f"Embedding({self.num_embeddings}, {self.dim}, padding_idx={self.padding_idx}, {self.dtype})"
