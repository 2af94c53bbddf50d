"""The linear layer."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, array_module, generator
from npseq.bptt.gradients import columns
from npseq.initializers import uniform_sqrt_hidden
from npseq.layers.arguments import check_array, float_dtype, positive_int
from npseq.layers.layer import Layer
from npseq.parameters import Parameters, simple_layout


class LinearTape(NamedTuple):
    """x as columns (in, N), and the shape it came in."""

    x: Array
    shape: tuple[int, ...]


class Linear(Layer):
    """y = x W + b over the last axis; W (in, out), b (out,), both from U(-1/sqrt(in), 1/sqrt(in)) as PyTorch has it."""

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, dtype: Any = np.float32, rng: Any = None
    ):
        self.in_features = positive_int("in_features", in_features)
        self.out_features = positive_int("out_features", out_features)
        shapes: dict[str, tuple[int, ...]] = {"W": (in_features, out_features)}
        if bias:
            shapes["b"] = (out_features,)
        layout = simple_layout(shapes)
        self.params = Parameters(
            layout,
            uniform_sqrt_hidden((layout.size,), generator(rng), hidden_size=in_features, dtype=float_dtype(dtype)),
        )

    def forward(self, x: Array) -> tuple[Array, LinearTape]:
        """y (..., out) from x (..., in) of at least two axes, and the tape. y lies feature by feature in memory."""
        if getattr(x, "ndim", 0) < 2:
            raise ValueError(
                f"x must have shape (..., N, {self.in_features}), got {getattr(x, 'shape', type(x).__name__)}"
            )
        check_array("x", x, (*x.shape[:-1], self.in_features), self.dtype, array_module(self.params.flat))
        cols = columns(x.swapaxes(-1, -2))
        if x.ndim == 2:
            cols = cols.copy()  # with one axis of rows it is a view, and the tape must not change with x
        y = np.matmul(self.params["W"].T, cols)
        if "b" in self.params:
            y += self.params["b"][:, None]
        return _rows(y, x.shape), LinearTape(cols, x.shape)

    def backward(self, dy: Array, tape: LinearTape, grads: Parameters | None = None) -> tuple[Array, Parameters]:
        """dx (..., in) and grads from dy (..., out). grads may be a training loop's own, to be written over."""
        check_array("dy", dy, (*tape.shape[:-1], self.out_features), self.dtype, array_module(self.params.flat))
        grads = Parameters(self.params.layout, np.empty_like(self.params.flat)) if grads is None else grads
        dcols = columns(dy.swapaxes(-1, -2))
        np.matmul(tape.x, dcols.T, out=grads["W"])
        if "b" in self.params:
            np.sum(dcols, axis=1, out=grads["b"])
        return _rows(np.matmul(self.params["W"], dcols), tape.shape), grads

    def __repr__(self) -> str:
        return f"Linear({self.in_features}, {self.out_features}, {self.dtype})"


def _rows(cols: Array, shape: tuple[int, ...]) -> Array:
    """(features, N) columns as (..., features)."""
    return np.moveaxis(cols.reshape(cols.shape[0], *shape[:-1]), 0, -1)
