"""The linear layer: a product with a matrix, and a bias."""

from math import prod
from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import array, flag, float_dtype, integer
from npseq.backend import Array, MaybeArray, array_module, generator, matmul
from npseq.bptt.columns import are_side_by_side, side_by_side, steps_at_once
from npseq.bptt.workspace import Workspace, empty
from npseq.initializers import uniform_sqrt_hidden
from npseq.layers.batch import check_array, check_kind, check_mark
from npseq.layers.layer import Layer
from npseq.parameters import Parameters, simple_layout
from npseq.shown import by_fields
from npseq.threads import entrywise


@by_fields
class LinearTape(NamedTuple):
    """What backward reads: x, and which values the parameters had."""

    x: Array  # (..., in)
    mark: tuple[Any, ...]


class Linear(Layer):
    """y = x W + b over the last axis; W (in, out) and b (out,) start from U(-1/sqrt(in), 1/sqrt(in)), as in PyTorch.

    Args:
        in_features: in.
        out_features: out.
        bias: whether there is b.
        dtype: of the parameters.
        rng: seed or Generator of the initial values.

    Raises:
        TypeError, ValueError: if a size or an option does not hold.

    Example:
        >>> ns.Linear(3, 2, rng=0).forward(np.ones((5, 4, 3), np.float32))[0].shape
        (5, 4, 2)
    """

    def __init__(
        self, in_features: int, out_features: int, *, bias: bool = True, dtype: Any = np.float32, rng: Any = None
    ):
        self.in_features = integer("in_features", in_features)
        self.out_features = integer("out_features", out_features)
        shapes: dict[str, tuple[int, ...]] = {"W": (self.in_features, self.out_features)}
        if flag("bias", bias):
            shapes["b"] = (self.out_features,)
        layout = simple_layout(shapes)
        self.params = Parameters(
            layout,
            uniform_sqrt_hidden((layout.size,), generator(rng), hidden_size=in_features, dtype=float_dtype(dtype)),
        )

    def forward(self, x: Array, *, copy: bool = True) -> tuple[Array, LinearTape]:
        """Returns y (..., out), and the tape.

        Where x's features are last in memory, so are y's. Else, as of a recurrent layer's output, the sequences are,
        and if y has at least as many features as x, these come first: all steps are multiplied at once.

        Args:
            x: (..., in) of at least two axes.
            copy: False where x will not be written on before backward, so that the tape can hold x itself.
        """
        if array("x", x).ndim < 2:
            raise ValueError(f"x must have shape (..., N, {self.in_features}), got {x.shape}")
        check_array("x", x, (*x.shape[:-1], self.in_features), self.dtype, array_module(self.params.flat))
        (W, b), own = _weights(self.params), self._with_columns_together(x)
        y = _times(own, W)
        if b is not None:
            entrywise(np.add, y, b, out=y)
        return y, LinearTape(x.copy() if flag("copy", copy) and own is x else own, self.params.mark())

    def backward(
        self, dy: Array, tape: LinearTape, *, grads: Parameters | None = None, workspace: Workspace | None = None
    ) -> tuple[Array, Parameters]:
        """Returns dx (..., in) and the gradients of the parameters.

        Args:
            dy: (..., out), the loss's derivative by y.
            tape: what forward returned.
            grads: a training loop's own, written over.
            workspace: a training loop's own buffers.

        Raises:
            TypeError, ValueError: before anything is computed, if an argument does not fit.
        """
        check_kind(tape, LinearTape)
        check_mark(tape.mark, self.params)
        x, xp = tape.x, array_module(self.params.flat)
        check_array("dy", dy, (*x.shape[:-1], self.out_features), self.dtype, xp)
        grads = self._buffers_of(grads, workspace)
        lead = slice(None) if dy.ndim > 2 else None
        self._gradients(dy[lead].swapaxes(-1, -2), x[lead].swapaxes(-1, -2), grads, workspace)
        return _times(dy, _weights(self.params)[0].T, workspace), grads

    def _with_columns_together(self, x: Array) -> Array:
        """x, or of blocks (T, features, N) a copy whose columns lie side by side, for one product and its gradient.

        The tape holds it; so it must be smaller than what is made of it. Else the copy costs what it saves.
        """
        wide, blocks = self.out_features >= self.in_features, x.swapaxes(-1, -2)
        if x.ndim != 3 or x.strides[-1] == x.itemsize or not wide or are_side_by_side(blocks):
            return x
        return side_by_side(blocks).T.reshape(x.shape)

    def _gradients(self, dy: Array, x: Array, grads: Parameters, workspace: Workspace | None) -> None:
        """Writes grads from dy (T, ..., out, N) and x (T, ..., in, N), some steps at a time."""
        columns_a_step, (dW, db) = dy[0].size // self.out_features if len(dy) else 0, _weights(grads)
        for at in steps_at_once(len(dy), columns_a_step, max(self.in_features, self.out_features)):
            d, operand = side_by_side(dy[at], workspace, "dy"), side_by_side(x[at], workspace, "x")
            matmul(operand, d.T, out=dW, adds=at.start > 0)
            if db is not None and at.start == 0:
                d.sum(axis=1, out=db)
            elif db is not None:
                db += d.sum(axis=1)

    def __repr__(self) -> str:
        return f"Linear({self.in_features}, {self.out_features}, {self.dtype})"


def _weights(params: Parameters) -> tuple[Array, MaybeArray]:
    """W (in, out) and b (out,), None where there is none: of the layer, or of its gradients."""
    return params.once("weights", _cut_weights, params)


def _cut_weights(params: Parameters) -> tuple[Array, MaybeArray]:
    return params["W"], params.get("b")


def _times(x: Array, W: Array, workspace: Workspace | None = None) -> Array:
    """x W over the last axis, laid out as x is: one product of all rows or columns, or one a (features, N) block."""

    def out(*shape: int) -> Array | None:
        return None if workspace is None else empty(workspace, "product", x, shape)

    if x.strides[-1] == x.itemsize:
        rows = x.reshape(prod(x.shape[:-1]), x.shape[-1])
        return matmul(rows, W, out=out(len(rows), W.shape[1])).reshape(*x.shape[:-1], W.shape[1])
    blocks = x.swapaxes(-1, -2)
    if are_side_by_side(blocks):
        columns = side_by_side(blocks)
        product = matmul(W.T, columns, out=out(W.shape[1], columns.shape[1]))
        return product.T.reshape(*blocks.shape[:-2], blocks.shape[-1], W.shape[1])
    return matmul(W.T, blocks, out=out(*blocks.shape[:-2], W.shape[1], blocks.shape[-1])).swapaxes(-1, -2)
